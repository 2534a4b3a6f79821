import { CARRIED_HEADERS, topicName, type Outcome, type RejectedOutcome, type Response, type Task, type Variant } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import type { Adapter, StepOutcome } from '@tandem/shared/core';
import { RecordError } from '@tandem/shared/errors';
import type { Headers, LogRecord, TopicPartition } from '@tandem/shared/log';
import { readRecord, type Stage, type StageContext, type StageOutput } from '@tandem/shared/runner';
import { LRUCache } from 'lru-cache';
import { EarlyOutcomes } from './early-outcomes.ts';
import { Pending } from './pending.ts';
import { finalResponse, rejectedResponse } from './response.ts';

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
  /** How long an outcome waits for its task before it is put on the dead letters. @default 60000 */
  earlyHoldMs?: number;
  /** Requests (and outcomes) waiting at once. @default 50000 */
  maxInFlight?: number;
}

export interface FusionObserver {
  responded(response: Response): void;
  latePart(): void;
}

const NOTHING: readonly StageOutput[] = [];

class Fusion implements Stage {
  readonly name = 'fusion';
  readonly inputs;
  readonly #options: FusionOptions;
  readonly #tasksTopic: string;
  readonly #pending = new Map<string, Pending>();
  readonly #early: EarlyOutcomes;
  readonly #answered: LRUCache<string, string>;
  #context: StageContext | undefined;

  constructor(options: FusionOptions) {
    this.#options = options;
    this.#tasksTopic = topicName(options.prefix, 'tasks');
    const topics = [this.#tasksTopic, topicName(options.prefix, 'outcomes')];
    this.inputs = [{ group: 'fusion', topics, maxInFlight: options.maxInFlight ?? 50_000 }];
    this.#early = new EarlyOutcomes(options.clock, options.earlyHoldMs ?? 60_000);
    this.#answered = new LRUCache({ max: options.answeredMaxEntries ?? 500_000, ttl: options.answeredWindowMs ?? 600_000 });
  }

  handle(record: LogRecord, context: StageContext): readonly StageOutput[] | Promise<readonly StageOutput[]> {
    this.#context = context;
    if (record.topic === this.#tasksTopic) return this.#task(readRecord<Task>(record), record);
    const outcome = readRecord<Outcome>(record);
    return outcome.kind === 'rejected' ? this.#reject(outcome) : this.#outcome(outcome, record);
  }

  /** Whoever has the partition now gets all records of its unanswered requests again. */
  onRevoked(partitions: readonly TopicPartition[]): void {
    const gone = new Set(partitions.map(({ partition }) => partition));
    this.#early.letGo(gone);
    for (const [requestId, pending] of this.#pending) {
      if (!gone.has(pending.partition)) continue;
      this.#pending.delete(requestId);
      pending.release();
    }
  }

  #task(task: Task, record: LogRecord): readonly StageOutput[] | Promise<readonly StageOutput[]> {
    const source = this.#answered.get(task.requestId) ?? this.#pending.get(task.requestId)?.join.task.source;
    if (source !== undefined && source !== task.source) {
      throw new RecordError('duplicate_request', `request id ${task.requestId} was already used by ${source}; choose a new id for each request`);
    }
    if (this.#answered.has(task.requestId)) return NOTHING;
    const pending = this.#waitFor(task, record);
    if (pending.join.complete) this.#finish(pending);
    return pending.answered;
  }

  #outcome(outcome: StepOutcome, record: LogRecord): readonly StageOutput[] | Promise<readonly StageOutput[]> {
    if (this.#answered.has(outcome.requestId)) {
      this.#options.observer?.latePart();
      return NOTHING;
    }
    const pending = this.#pending.get(outcome.requestId) ?? (outcome.task === undefined ? undefined : this.#waitFor(outcome.task, record));
    if (pending === undefined) return this.#early.hold(outcome, record.partition);
    pending.join.add(outcome);
    if (pending.join.complete) this.#finish(pending);
    return pending.answered;
  }

  #waitFor(task: Task, record: LogRecord): Pending {
    const known = this.#pending.get(task.requestId);
    if (known !== undefined) return known;
    if (this.#options.adapterOf(task.workload) === undefined) {
      throw new RecordError('unknown_workload', `workload ${task.workload} is not known to this fusion stage; give all stages the same workloads`);
    }
    const pending = new Pending(task, record.partition, carried(record.headers));
    this.#pending.set(task.requestId, pending);
    for (const outcome of this.#early.take(task.requestId, pending.answered)) pending.join.add(outcome);
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
    this.#answered.set(task.requestId, task.source);
    const { adapterOf, variants, clock } = this.#options;
    try {
      const response = finalResponse(task, pending.join.verdict(), adapterOf(task.workload)!, variants, clock.now());
      this.#publish(response, task, pending);
    } catch (error) {
      pending.fail(error);
    }
  }

  #publish(response: Response, task: Task, pending: Pending): void {
    this.#options.observer?.responded(response);
    const output = { ...this.#output(response, task.key), headers: pending.headers };
    this.#context!.publish([output]).then(
      () => pending.release(),
      (error: unknown) => pending.fail(error),
    );
  }

  #reject(rejected: RejectedOutcome): readonly StageOutput[] {
    const answered = this.#answered.get(rejected.requestId);
    if (answered === rejected.source) return NOTHING;
    if (answered !== undefined) {
      throw new RecordError('duplicate_request', `request id ${rejected.requestId} was already answered for ${answered}`);
    }
    this.#answered.set(rejected.requestId, rejected.source);
    const response = rejectedResponse(rejected, this.#options.clock.now());
    this.#options.observer?.responded(response);
    return [this.#output(response, rejected.userId ?? rejected.requestId)];
  }

  #output(response: Response, key: string): StageOutput {
    return { topic: topicName(this.#options.prefix, 'responses'), key, value: JSON.stringify(response) };
  }
}

function carried(headers: Headers): Headers {
  return Object.fromEntries(CARRIED_HEADERS.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])));
}

/** Joins the outcomes of each request by its plan: exactly one final response by the deadline, complete or degraded. */
export function createFusionStage(options: FusionOptions): Stage {
  return new Fusion(options);
}
