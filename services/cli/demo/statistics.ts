import type { Response } from '@tandem/schemas';
import { Latencies } from '@tandem/shared/statistics';
import { ANSWER_KINDS, answerKind, answeredItems, stepsRun, type AnswerKind, type ModelRoles } from './answer-kind.ts';
import { BatchTally } from './batch-tally.ts';
import { QualityTally, type QualityFigures } from './quality.ts';

/** 0 where there are none. */
interface LatencyFigures {
  p50: number;
  p99: number;
}

export interface KindFigures {
  all: QualityFigures;
  /** Only the requests whose kind was drawn by lot: these can be compared between kinds. */
  drawn: QualityFigures;
  latencyMs: LatencyFigures;
}

export interface VariantFigures {
  /** Of all steps that ran. */
  share: number;
  meanBatchSize: number;
}

/** Everything known about a replay at one moment. */
export interface Figures {
  events: number;
  sent: number;
  responses: number;
  /** Further answers to requests already answered. */
  duplicates: number;
  /** Responses to requests of somebody else. */
  strangers: number;
  latencyMs: LatencyFigures;
  overall: QualityFigures;
  /** Requests without a hint, answered as Tandem chose. */
  routed: QualityFigures;
  kinds: Partial<Record<AnswerKind, KindFigures>>;
  /** By `model.precision`. */
  variants: Record<string, VariantFigures>;
  meanBatchSize: number;
  statuses: Record<string, number>;
  reasons: Record<string, number>;
}

/** What an answer is judged against. */
export interface Expectation {
  itemId: string;
  /** The kind was drawn by lot. */
  drawn: boolean;
}

interface KindTally {
  all: QualityTally;
  drawn: QualityTally;
  latency: Latencies;
}

function bump(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function sorted<Value>(entries: Iterable<[string, Value]>): Record<string, Value> {
  return Object.fromEntries([...entries].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Counts as the replay goes on; `figures` may be asked for at any time. */
export class ReplayStatistics {
  sent = 0;
  duplicates = 0;
  strangers = 0;
  readonly events: number;
  #responses = 0;
  readonly #roles: ModelRoles;
  readonly #latency = new Latencies();
  readonly #overall = new QualityTally();
  readonly #routed = new QualityTally();
  readonly #batches = new BatchTally();
  readonly #variants = new Map<string, BatchTally>();
  readonly #kinds = new Map<AnswerKind, KindTally>();
  readonly #statuses = new Map<string, number>();
  readonly #reasons = new Map<string, number>();

  constructor(events: number, roles: ModelRoles) {
    this.events = events;
    this.#roles = roles;
  }

  get responses(): number {
    return this.#responses;
  }

  answered(response: Response, latencyMs: number, { itemId, drawn }: Expectation): void {
    this.#responses += 1;
    this.#latency.add(latencyMs);
    bump(this.#statuses, response.status);
    if (response.reason !== undefined) bump(this.#reasons, response.reason);
    this.#judge(response, latencyMs, itemId, drawn);
    this.#countSteps(response);
  }

  #judge(response: Response, latencyMs: number, target: string, drawn: boolean): void {
    const items = answeredItems(response);
    const tally = this.#kind(answerKind(response, this.#roles));
    tally.latency.add(latencyMs);
    tally.all.add(items, target);
    this.#overall.add(items, target);
    (drawn ? tally.drawn : this.#routed).add(items, target);
  }

  #countSteps(response: Response): void {
    for (const { model, precision, batchSize } of stepsRun(response)) {
      const name = `${model}.${precision}`;
      const variant = this.#variants.get(name) ?? new BatchTally();
      this.#variants.set(name, variant);
      variant.add(batchSize);
      this.#batches.add(batchSize);
    }
  }

  #kind(kind: AnswerKind): KindTally {
    const known = this.#kinds.get(kind) ?? { all: new QualityTally(), drawn: new QualityTally(), latency: new Latencies() };
    this.#kinds.set(kind, known);
    return known;
  }

  figures(): Figures {
    return {
      events: this.events,
      sent: this.sent,
      responses: this.#responses,
      duplicates: this.duplicates,
      strangers: this.strangers,
      latencyMs: figuresOf(this.#latency),
      overall: this.#overall.figures(),
      routed: this.#routed.figures(),
      kinds: this.#kindFigures(),
      variants: this.#variantFigures(),
      meanBatchSize: this.#batches.meanBatchSize,
      statuses: sorted(this.#statuses),
      reasons: sorted(this.#reasons),
    };
  }

  #kindFigures(): Figures['kinds'] {
    const present = (Object.keys(ANSWER_KINDS) as AnswerKind[]).flatMap((kind) => {
      const tally = this.#kinds.get(kind);
      return tally === undefined ? [] : [[kind, { all: tally.all.figures(), drawn: tally.drawn.figures(), latencyMs: figuresOf(tally.latency) }]];
    });
    return Object.fromEntries(present) as Figures['kinds'];
  }

  #variantFigures(): Figures['variants'] {
    const total = Math.max(1, this.#batches.steps);
    return sorted([...this.#variants].map(([name, { steps, meanBatchSize }]) => [name, { share: steps / total, meanBatchSize }]));
  }
}

function figuresOf(latencies: Latencies): LatencyFigures {
  return { p50: latencies.percentile(50, 0), p99: latencies.percentile(99, 0) };
}
