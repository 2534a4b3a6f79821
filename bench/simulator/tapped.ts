import type { Response } from '@tandem/schemas';
import type { Arrivals } from '@tandem/shared/random';
import type { RunFigures } from '../harness/judge.ts';
import type { Session } from '../harness/measure.ts';
import type { Offer } from '../harness/open-loop.ts';
import { partitionOfKey, type EventLog } from '@tandem/shared/log';
import { coresBetween, cpuNow, type CoresUsed, type CpuSnapshot } from './cores-used.ts';
import { stepsSince, type LoggedStep } from './step-log.ts';

/** One answer, and how it came about. */
export interface Answered {
  requestId: string;
  /** From the start of the run, ms. */
  dueMs: number;
  status: Response['status'];
  /** From when it was due. */
  latencyMs: number;
  /** From when it was due until the broker had it. */
  sendMs: number;
  /** From when its answer was made until it was here. */
  backMs: number;
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
  /** Of the variant that was asked about, whether they were in time or not; times are ms from the start of the run. */
  steps: readonly LoggedStep[];
  /** Of the requests' keys, by partition. */
  partitionShares: readonly number[];
  /** While requests were sent. */
  cores: CoresUsed;
}

interface Ask {
  arrivals: Arrivals;
  seconds: number;
  partitions: number;
  brokerPid: number | undefined;
  over?: Partial<Offer>;
  /** `model.precision` whose steps are read from the log afterwards. @default none */
  variant?: string;
}

/** Offers requests and keeps every answer with what it says of itself. */
export class Tapped {
  readonly #session: Session;
  readonly #log: EventLog;
  #base: number | undefined;

  constructor(session: Session, log: EventLog) {
    this.#session = session;
    this.#log = log;
  }

  get pids(): readonly number[] {
    return this.#session.contender.pids;
  }

  async run({ arrivals, seconds, partitions, brokerPid, over = {}, variant }: Ask): Promise<TappedRun> {
    const dueAt: number[] = [];
    const heard: { at: number; value: Buffer }[] = [];
    let startedAt: number | undefined;
    const counted: Arrivals = {
      next() {
        startedAt ??= performance.now();
        const due = arrivals.next();
        dueAt.push(due);
        return due;
      },
    };
    const before = this.#cpu(brokerPid);
    let after: CpuSnapshot | undefined;
    const sent = setTimeout(() => (after = this.#cpu(brokerPid)), seconds * 1_000);
    const { figures } = await this.#session.at(1, seconds, { patienceMs: 15_000, ...over, arrivals: counted, until: (value) => (heard.push({ at: performance.now(), value }), false) });
    clearTimeout(sent);
    const responses = heard.map(({ at, value }) => ({ at: at - startedAt!, response: JSON.parse(value.toString('utf8')) as Response }));
    this.#base = Math.min(...responses.map(({ response }) => numberOf(response)));
    const startedEpoch = performance.timeOrigin + startedAt!;
    const answers = responses.map(({ at, response }) => answered(response, { dueMs: dueAt[numberOf(response) - this.#base!] ?? NaN, at, startedEpoch }));
    const partitionShares = sharesOf(responses.map(({ response }) => response), partitions);
    const steps = variant === undefined ? [] : await this.#steps(variant, partitions, startedEpoch);
    return { seconds, figures, answers, steps, partitionShares, cores: coresBetween(before, after ?? this.#cpu(brokerPid)) };
  }

  async #steps(variant: string, partitions: number, startedEpoch: number): Promise<LoggedStep[]> {
    const logged = await stepsSince({ log: this.#log, prefix: this.#session.prefix, variant, partitions }, Math.floor(startedEpoch));
    return logged.map((step) => fromStart(step, startedEpoch));
  }

  #cpu(broker: number | undefined): CpuSnapshot {
    const [chain, ...workers] = this.pids;
    return cpuNow({ chain: chain!, workers, broker });
  }
}

const numberOf = ({ requestId }: Response) => Number(requestId.slice(1));

/** @param startedEpoch of the run, epoch ms: stages and broker tell the time by the clock of this machine */
function answered({ requestId, status, steps, time, latencyMs }: Response, { dueMs, at, startedEpoch }: { dueMs: number; at: number; startedEpoch: number }): Answered {
  const last = steps.filter(({ batchSize }) => batchSize > 0).at(-1);
  const madeAt = time - startedEpoch;
  return {
    requestId, status, dueMs, latencyMs: at - dueMs, sendMs: Math.max(0, madeAt - latencyMs - dueMs), backMs: Math.max(0, at - madeAt),
    variant: last && `${last.model}.${last.precision}`, batchSize: last?.batchSize ?? 0, queueMs: last?.queueMs ?? 0, computeMs: last?.computeMs ?? 0,
  };
}

function fromStart({ arrivedAt, dispatchedAt, outcomeAt, ran, ...rest }: LoggedStep, startedEpoch: number): LoggedStep {
  return {
    ...rest, arrivedAt: arrivedAt - startedEpoch, dispatchedAt: dispatchedAt - startedEpoch, outcomeAt: outcomeAt && outcomeAt - startedEpoch,
    ran: ran && { ...ran, endedAt: ran.endedAt - startedEpoch },
  };
}

function sharesOf(responses: readonly Response[], partitions: number): number[] {
  const counts = new Array<number>(partitions).fill(0);
  for (const { userId = '' } of responses) counts[partitionOfKey(userId, partitions)]! += 1;
  return counts.map((count) => count / Math.max(1, responses.length));
}
