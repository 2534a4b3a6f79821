import { cpus } from 'node:os';
import { accuracyOf, lostAgainst } from '../harness/accuracy.ts';
import type { Gains } from '../harness/judge.ts';
import type { Measured } from '../harness/measure.ts';
import type { Rounds } from '../harness/rounds.ts';
import { spreadOf, type Spread } from '@tandem/shared/statistics';

/** One row; figures are medians over the rounds. */
export interface LadderRow {
  name: string;
  description: string;
  /** Why it was not measured. */
  failure?: string;
  /** Complete answers within the SLO, per second, at the highest rate that was sustained. */
  goodputPerSecond: number;
  goodput: Spread;
  /** At half of the goodput. */
  p50Ms: number;
  p99Ms: number;
  /** Of the same events in every row, as far as each came. NaN where nothing is judged. */
  hitRateAt10: number;
  ndcgAt10: number;
  judged: number;
  /** Against the first row, over the events that both answered; positive is worse. */
  hitRateLost: number;
  hitRateLostError: number;
  /** Of the contender's processes, at half of the goodput. */
  cpuSecondsPer1000: number;
  /** The broker's too. */
  cpuSecondsPer1000WithBroker: number;
  /** Of these CPU-seconds, the broker's included, by the price of a core's hour. */
  costPer1000: number;
  /** Of this machine's kind, for one fixed load, with broker and load generator on them. */
  coresForFixedLoad: number;
}

export interface Prices {
  coreHourPrice: number;
  /** Requests per second. */
  fixedLoad: number;
}

const SECONDS_PER_HOUR = 3_600;

/** The answers of all rounds: an event that was answered twice counts once. */
export function gainsOf(results: readonly Pick<Measured, 'gains'>[]): Gains {
  return new Map(results.flatMap(({ gains }) => [...gains]));
}

/** Cores that a load needs where `goodputPerSecond` takes all of `cores`. */
export function coresFor(load: number, goodputPerSecond: number, cores: number): number {
  return goodputPerSecond > 0 ? (load * cores) / goodputPerSecond : NaN;
}

/** @param reference answers of the row that accuracy is compared with */
export function ladderRow({ contender, results, failure }: Rounds<Measured>, reference: Gains, { coreHourPrice, fixedLoad }: Prices): LadderRow {
  const middle = (pick: (result: Measured) => number) => spreadOf(results.map(pick)).median;
  const goodput = spreadOf(results.map(({ search }) => search.goodputPerSecond));
  const gains = gainsOf(results);
  const { answers, hitRateAt10, ndcgAt10 } = accuracyOf(gains);
  const lost = lostAgainst(reference, gains);
  const withBroker = middle(({ cpuSecondsPer1000: { contender: own, broker } }) => own + broker);
  return {
    name: contender.name,
    description: contender.description,
    ...(failure === undefined ? {} : { failure }),
    goodputPerSecond: goodput.median, goodput,
    p50Ms: middle(({ steady }) => steady.p50Ms), p99Ms: middle(({ steady }) => steady.p99Ms),
    hitRateAt10, ndcgAt10, judged: answers,
    hitRateLost: lost.hitRateLost, hitRateLostError: lost.standardError,
    cpuSecondsPer1000: middle(({ cpuSecondsPer1000 }) => cpuSecondsPer1000.contender),
    cpuSecondsPer1000WithBroker: withBroker,
    costPer1000: (withBroker / SECONDS_PER_HOUR) * coreHourPrice,
    coresForFixedLoad: coresFor(fixedLoad, goodput.median, cpus().length),
  };
}
