import { topicName, type Outcome, type RejectedOutcome, type Response, type StepOutcome, type Task, type Variant } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import type { Adapter } from '@tandem/shared/core';
import { RecordError } from '@tandem/shared/errors';
import type { Headers, LogRecord, TopicPartition } from '@tandem/shared/log';
import { carriedHeaders, readRecord, type Stage, type StageContext, type StageOutput } from '@tandem/shared/runner';
import { LRUCache } from 'lru-cache';
import { Pending } from './pending.ts';
import { defectResponse, finalResponse, rejectedResponse } from './response.ts';

export interface FusionOptions {
  prefix: string;
  /** The adapter of a workload; undefined where the workload is not known here. */
  adapterOf: (workload: string) => Adapter | undefined;
  variants: readonly Variant[];
  clock: Clock;
  observer?: FusionObserver;
  /** Answers are made this long before the deadline, so that they arrive by it. @default 5 */
  deadlineMarginMs?: number;
  /** How long an answered request id is remembered. @default 600000 */
  answeredWindowMs?: number;
  /** Upper bound of remembered ids. @default 500000 */
  answeredMaxEntries?: number;
  /** Requests (and outcomes) waiting at once. @default 50000 */
  maxInFlight?: number;
}

export interface FusionObserver {
  responded(response: Response): void;
  latePart(): void;
}

type Answer = readonly StageOutput[] | Promise<readonly StageOutput[]>;

const NOTHING: readonly StageOutput[] = [];
/** By so long after its deadline a request has been answered: what still comes for it is late, even if that was forgotten. */
const LATE_AFTER_MS = 1_000;

function duplicate(requestId: string, source: string): RecordError {
  return new RecordError('duplicate_request', `request id ${requestId} was already used by ${source}; choose a new id for each request`);
}

class Fusion implements Stage {
  readonly name = 'fusion';
  readonly inputs;
  readonly #options: FusionOptions;
  readonly #tasksTopic: string;
  readonly #pending = new Map<string, Pending>();
  readonly #answered: LRUCache<string, string>;
  #context: StageContext | undefined;

  constructor(options: FusionOptions) {
    this.#options = options;
    this.#tasksTopic = topicName(options.prefix, 'tasks');
    const topics = [this.#tasksTopic, topicName(options.prefix, 'outcomes')];
    this.inputs = [{ group: 'fusion', topics, maxInFlight: options.maxInFlight ?? 50_000 }];
    this.#answered = new LRUCache({ max: options.answeredMaxEntries ?? 500_000, ttl: options.answeredWindowMs ?? 600_000 });
  }

  handle(record: LogRecord, context: StageContext): Answer {
    this.#context = context;
    if (record.topic === this.#tasksTopic) return this.#task(readRecord<Task>(record), record);
    const outcome = readRecord<Outcome>(record);
    if (outcome.kind === 'redispatch') return NOTHING;
    return outcome.kind === 'rejected' ? this.#reject(outcome, record) : this.#outcome(outcome, record);
  }

  /** Whoever has the partition now gets all records of its unanswered requests again. */
  onRevoked(partitions: readonly TopicPartition[]): void {
    const gone = new Set(partitions.map(({ partition }) => partition));
    for (const [requestId, pending] of this.#pending) {
      if (!gone.has(pending.partition)) continue;
      this.#pending.delete(requestId);
      pending.release();
    }
  }

  #task(task: Task, record: LogRecord): Answer {
    const source = this.#answered.get(task.requestId) ?? this.#pending.get(task.requestId)?.join.task.source;
    if (source !== undefined && source !== task.source) throw duplicate(task.requestId, source);
    // Without a deadline nothing has to be guarded: the last outcome brings the task along.
    const unguarded = task.deadlineAt === null && task.plan.steps.length > 0;
    if (unguarded || this.#answered.has(task.requestId)) return NOTHING;
    const pending = this.#waitFor(task, record);
    if (pending.join.complete) this.#finish(pending);
    return pending.answered;
  }

  #outcome(outcome: StepOutcome, record: LogRecord): Answer {
    const { task } = outcome;
    const known = this.#pending.get(outcome.requestId);
    if (this.#isLate(task, known)) {
      this.#options.observer?.latePart();
      return NOTHING;
    }
    // The outcome of the step that comes after this one will repeat it.
    if (task.plan.steps.some(({ after }) => after.includes(outcome.step))) {
      known?.join.add(outcome);
      return NOTHING;
    }
    const pending = known ?? this.#waitFor(task, record);
    pending.join.add(outcome);
    if (pending.join.complete) this.#finish(pending);
    return pending.answered;
  }

  /** Its request is answered, or must have been; or it belongs to a repeated request id that was refused. */
  #isLate({ requestId, source, deadlineAt }: Task, known: Pending | undefined): boolean {
    if (known !== undefined) return known.join.task.source !== source;
    return this.#answered.has(requestId) || (deadlineAt !== null && deadlineAt + LATE_AFTER_MS < this.#options.clock.now());
  }

  #waitFor(task: Task, record: LogRecord): Pending {
    const known = this.#pending.get(task.requestId);
    if (known !== undefined) return known;
    if (this.#options.adapterOf(task.workload) === undefined) {
      throw new RecordError('unknown_workload', `workload ${task.workload} is not known to this fusion stage; give all stages the same workloads`);
    }
    const pending = new Pending(task, record.partition, carriedHeaders(record.headers));
    this.#pending.set(task.requestId, pending);
    if (task.deadlineAt !== null) {
      const { clock, deadlineMarginMs = 5 } = this.#options;
      pending.cancelDeadline = clock.schedule(task.deadlineAt - deadlineMarginMs, () => this.#finish(pending));
    }
    return pending;
  }

  /** From here on every further part is late. */
  #finish(pending: Pending): void {
    const { task } = pending.join;
    if (!this.#pending.delete(task.requestId)) return;
    pending.cancelDeadline();
    this.#publish(this.#responseOf(pending), task, pending.headers).then(
      () => pending.release(),
      (error: unknown) => pending.fail(error),
    );
  }

  #responseOf({ join }: Pending): Response {
    const { adapterOf, variants, clock } = this.#options;
    try {
      return finalResponse(join.task, join.verdict(), adapterOf(join.task.workload)!, variants, clock.now());
    } catch (error) {
      return defectResponse(join.task, error, clock.now());
    }
  }

  /** The id counts as answered from now on, unless the response cannot be written: then its records come again. */
  async #publish(response: Response, { key, source }: Pick<Task, 'key' | 'source'>, headers: Headers): Promise<void> {
    this.#answered.set(response.requestId, source);
    this.#options.observer?.responded(response);
    try {
      await this.#context!.publish([{ ...this.#output(response, key), headers }]);
    } catch (error) {
      this.#answered.delete(response.requestId);
      throw error;
    }
  }

  #reject(rejected: RejectedOutcome, record: LogRecord): Answer {
    const { requestId, source } = rejected;
    const earlier = this.#answered.get(requestId) ?? this.#pending.get(requestId)?.join.task.source;
    if (earlier === source) return NOTHING;
    if (earlier !== undefined) throw duplicate(requestId, earlier);
    const response = rejectedResponse(rejected, this.#options.clock.now());
    return this.#publish(response, { key: record.key ?? requestId, source }, carriedHeaders(record.headers)).then(() => NOTHING);
  }

  #output(response: Response, key: string): StageOutput {
    return { topic: topicName(this.#options.prefix, 'responses'), key, value: JSON.stringify(response) };
  }
}

/** Joins the outcomes of each request by its plan: exactly one final response by the deadline, complete or degraded. */
export function createFusionStage(options: FusionOptions): Stage {
  return new Fusion(options);
}
