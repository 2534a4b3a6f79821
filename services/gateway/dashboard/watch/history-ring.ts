import type { Status } from '@tandem/schemas';
import type { History } from '../snapshot.ts';
import { answerFigures, latencyOf, sharesOf } from './answer-figures.ts';
import type { AnswerSecond } from './answer-second.ts';

/** Ten minutes. */
const LENGTH = 600;
const VARIANTS = 24;
const NUMBERS = ['perSecond', 'goodput', 'p50', 'p95', 'p99', 'degraded', 'rejected', 'failed'] as const;
type Name = (typeof NUMBERS)[number];
type Point = { time: number; shares: ReadonlyMap<string, number> } & Record<Name, number | null>;

const rounded = (value: number): number => Number(value.toPrecision(3));

/** What the charts show, a point a second. */
export class HistoryRing {
  readonly #points: Point[] = [];

  /** @param time epoch ms */
  add(time: number, second: AnswerSecond): void {
    const { perSecond, goodputPerSecond, statuses } = answerFigures([second], false);
    const latency = latencyOf([second]);
    const of = (status: Status) => rounded(statuses[status] ?? 0);
    this.#points.push({
      time: Math.round(time / 1_000),
      perSecond, goodput: rounded(goodputPerSecond), degraded: of('degraded'), rejected: of('rejected'), failed: of('failed'),
      p50: latency?.p50 ?? null, p95: latency?.p95 ?? null, p99: latency?.p99 ?? null,
      shares: sharesOf([second]),
    });
    if (this.#points.length > LENGTH) this.#points.shift();
  }

  /** @param last so many of the newest points. @default all */
  history(last = LENGTH): History {
    const points = this.#points.slice(-last);
    const names = [...new Set(this.#points.flatMap(({ shares }) => [...shares.keys()]))].sort().slice(0, VARIANTS);
    const column = (name: Name) => points.map((point) => point[name]);
    const shareOf = (name: string) => points.map(({ shares }) => (shares.size === 0 ? null : rounded(shares.get(name) ?? 0)));
    const columns = Object.fromEntries(NUMBERS.map((name) => [name, column(name)])) as Record<Name, (number | null)[]>;
    return {
      ...(columns as unknown as Omit<History, 'time' | 'shares'>),
      time: points.map(({ time }) => time),
      shares: Object.fromEntries(names.map((name) => [name, shareOf(name)])),
    };
  }
}
