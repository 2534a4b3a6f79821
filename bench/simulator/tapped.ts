import type { Response } from '@tandem/schemas';
import { partitionOfKey } from '@tandem/shared/log';
import type { Arrivals } from '@tandem/shared/random';
import type { RunFigures } from '../harness/judge.ts';
import type { Session } from '../harness/measure.ts';
import type { Offer } from '../harness/open-loop.ts';
import { cpuSecondsOf } from '../harness/process-tree.ts';

/** One answer, and how it came about. */
export interface Answered {
  /** From the start of the run, ms. */
  dueMs: number;
  status: Response['status'];
  /** From when it was due. */
  latencyMs: number;
  /** `model.precision` of its last step that ran; undefined: none did. */
  variant: string | undefined;
  batchSize: number;
  /** From dispatch until its batch began. */
  queueMs: number;
  computeMs: number;
}

export interface TappedRun {
  seconds: number;
  figures: RunFigures;
  answers: readonly Answered[];
  /** Of the requests' keys, by partition. */
  partitionShares: readonly number[];
  /** Cores that everything but the workers took: chain, broker and load generator. */
  otherCores: number;
  /** Cores that the workers took. */
  workerCores: number;
}

interface Ask {
  arrivals: Arrivals;
  seconds: number;
  partitions: number;
  brokerPid: number | undefined;
  over?: Partial<Offer>;
}

/** Offers requests and keeps every answer with what it says of itself. */
export class Tapped {
  readonly #session: Session;
  #base: number | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  get pids(): readonly number[] {
    return this.#session.contender.pids;
  }

  async run({ arrivals, seconds, partitions, brokerPid, over = {} }: Ask): Promise<TappedRun> {
    const dueAt: number[] = [];
    let startedAt: number | undefined;
    const counted: Arrivals = {
      next() {
        startedAt ??= performance.now();
        const due = arrivals.next();
        dueAt.push(due);
        return due;
      },
    };
    const heard: { at: number; value: Buffer }[] = [];
    const before = this.#cpu(brokerPid);
    const { figures } = await this.#session.at(1, seconds, { patienceMs: 15_000, ...over, arrivals: counted, until: (value) => (heard.push({ at: performance.now(), value }), false) });
    const after = this.#cpu(brokerPid);
    const responses = heard.map(({ at, value }) => ({ at, response: JSON.parse(value.toString('utf8')) as Response }));
    this.#base = Math.min(...responses.map(({ response }) => numberOf(response)));
    const answers = responses.map(({ at, response }) => {
      const dueMs = dueAt[numberOf(response) - this.#base!] ?? NaN;
      return answered(response, dueMs, at - startedAt! - dueMs);
    });
    const perSecond = (name: 'workers' | 'others') => (after[name] - before[name]) / seconds;
    return { seconds, figures, answers, partitionShares: sharesOf(responses.map(({ response }) => response), partitions), otherCores: perSecond('others'), workerCores: perSecond('workers') };
  }

  #cpu(brokerPid: number | undefined): { workers: number; others: number } {
    const [chain, ...workers] = this.pids;
    const { user, system } = process.cpuUsage();
    const broker = brokerPid === undefined ? 0 : cpuSecondsOf([brokerPid]);
    return { workers: cpuSecondsOf(workers), others: cpuSecondsOf([chain!]) + broker + (user + system) / 1e6 };
  }
}

const numberOf = ({ requestId }: Response) => Number(requestId.slice(1));

function answered({ status, steps }: Response, dueMs: number, latencyMs: number): Answered {
  const last = steps.filter(({ batchSize }) => batchSize > 0).at(-1);
  return { status, dueMs, latencyMs, variant: last && `${last.model}.${last.precision}`, batchSize: last?.batchSize ?? 0, queueMs: last?.queueMs ?? 0, computeMs: last?.computeMs ?? 0 };
}

function sharesOf(responses: readonly Response[], partitions: number): number[] {
  const counts = new Array<number>(partitions).fill(0);
  for (const { userId = '' } of responses) counts[partitionOfKey(userId, partitions)]! += 1;
  return counts.map((count) => count / Math.max(1, responses.length));
}
