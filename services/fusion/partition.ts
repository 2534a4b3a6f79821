import {
  HEADER, topicName,
  type Cancellation, type Outcome, type ProgressOutcome, type RejectedOutcome, type Response, type StepOutcome, type Task, type TaskRecord,
} from '@tandem/schemas';
import { PassingMap } from '@tandem/shared/collections';
import type { Join } from '@tandem/shared/core';
import { RecordError, TandemError } from '@tandem/shared/errors';
import type { Headers, LogRecord } from '@tandem/shared/log';
import { carriedHeaders, readRecord, type StageOutput } from '@tandem/shared/runner';
import { compactId, type CompactId } from './compact-ids.ts';
import { KeyOrder } from './key-order.ts';
import type { ResolvedFusionOptions } from './options.ts';
import { Pending } from './pending.ts';
import { replyTo } from './reply.ts';
import { Responder, type ResponderOptions } from './responder.ts';
import { cancelledResponse, defectResponse, finalResponse, provisionalResponse, rejectedResponse } from './response.ts';
import { soFar } from './so-far.ts';

export type Answer = readonly StageOutput[] | Promise<readonly StageOutput[]>;

const NOTHING: readonly StageOutput[] = [];
/** By so long after its deadline a request has been answered: what still comes for it is late, even if that was forgotten. */
const LATE_AFTER_MS = 1_000;
/** So that readers need not look into the value. */
const PROVISIONAL = { [HEADER.provisional]: 'true' };
/** An ordered request without a deadline waits so long for its place. */
const TASK_PATIENCE_MS = 60_000;

function duplicate(requestId: string): RecordError {
  return new RecordError('duplicate_request', `request id ${requestId} was used by an earlier request; choose a new id for each`);
}

/** @throws {RecordError} a sender's mistake, not a redelivery */
function sameRequest(known: Pending, { requestId, source }: Pick<Task, 'requestId' | 'source'>): Pending {
  if (known.task.source !== source) throw duplicate(requestId);
  return known;
}

function goingAway(): TandemError {
  return new TandemError('this fusion stage is going away; another will answer', { code: 'stage_stopping', retryable: true });
}

/**
 * Without the time of its request nobody could tell how far back to look for its answer, and the partition would look for ever.
 * @throws {RecordError} `invalid_record`
 */
function requireTime({ arrivedAt }: Partial<Pick<Task, 'arrivedAt'>>, { topic }: LogRecord): void {
  if (!Number.isFinite(arrivedAt)) throw new RecordError('invalid_record', `not a record of ${topic}: it does not say when its request came`);
}

function unknownWorkload({ workload }: Task): never {
  throw new RecordError('unknown_workload', `workload ${workload} is not known to this fusion stage; give all stages the same workloads`);
}

/**
 * The outcome of a later step will bring this one along. Without a deadline the scheduler has one step done after the
 * other, so all but the last are repeated, and no outcome has to be held for another that may be far behind it.
 */
function isRepeatedLater({ task, step, previous }: StepOutcome): boolean {
  const { steps } = task.plan;
  if (task.deadlineAt === null) return steps.some(({ id }) => id !== step && !(id in previous));
  return steps.some(({ after }) => after.includes(step));
}

/** The requests of one partition, while it is ours: joins their outcomes and answers each once. */
export class Partition {
  readonly #options: ResolvedFusionOptions;
  readonly #number: number;
  readonly #responder: Responder;
  readonly #publish: ResponderOptions['publish'];
  readonly #pending = new PassingMap<string, Pending>();
  readonly #order = new KeyOrder();
  /** Earlier responses are being read; records wait for that, in their order. */
  #lookingBack: Promise<void> | undefined;
  #handsBack = false;

  constructor(partition: number, options: ResolvedFusionOptions, responder: Pick<ResponderOptions, 'publish' | 'maxEntries' | 'tenure'>) {
    this.#options = options;
    this.#number = partition;
    this.#publish = responder.publish;
    const topic = topicName(options.prefix, 'responses');
    const { log, clock, answeredWindowMs: windowMs, logger } = options;
    const transactionIntervalMs = options.delivery === 'exactly-once' ? options.transactionIntervalMs : undefined;
    const onFault = (err: unknown) => logger.warn({ err, partition }, 'responses could not be written or read; trying again');
    this.#responder = new Responder({ ...responder, log, clock, topic, partition, windowMs, transactionIntervalMs, onFault });
  }

  handle(record: LogRecord): Answer {
    if (this.#lookingBack !== undefined) return this.#lookingBack.then(() => this.handle(record));
    if (this.#responder.closed) return NOTHING;
    if (this.#handsBack) throw goingAway();
    return record.topic === topicName(this.#options.prefix, 'outcomes') ? this.#onOutcome(record) : this.#onTask(record);
  }

  /** Intake has stopped, so what waits would wait in vain: whoever has the partition next gets it. What is being written is finished. */
  handBack(): void {
    this.#handsBack = true;
    for (const [requestId, pending] of this.#pending) {
      if (pending.sent) continue;
      this.#order.remove(pending);
      this.#pending.delete(requestId);
      pending.fail(goingAway());
    }
  }

  /** Whoever has the partition next gets all records of its unanswered requests again. */
  async close(): Promise<void> {
    for (const pending of this.#pending.values()) pending.release();
    this.#pending.clear();
    await this.#responder.close();
  }

  #onTask(record: LogRecord): Answer {
    const task = readRecord<TaskRecord>(record);
    requireTime(task, record);
    if ('cancel' in task) return this.#cancel(task);
    // Nobody waits for it.
    if (task.ahead === true) return NOTHING;
    const known = this.#pending.get(task.requestId);
    const guarded = this.#isGuarded(task);
    if (known !== undefined) return this.#advance(this.#inTurn(sameRequest(known, task)));
    if (guarded && !this.#responder.knows(task.arrivedAt)) return this.#lookBack(task.arrivedAt, record);
    const id = compactId(task.requestId, task.source);
    const isOpen = this.#isOpen(task.requestId, id);
    if (!guarded || !isOpen) return NOTHING;
    return this.#advance(this.#inTurn(this.#waitFor(task, id, record)));
  }

  #onOutcome(record: LogRecord): Answer {
    const outcome = readRecord<Outcome>(record);
    requireTime(outcome.kind === 'rejected' ? outcome : outcome.task, record);
    // The scheduler's business: the step is decided again.
    if (outcome.kind === 'redispatch') return NOTHING;
    if (outcome.kind === 'rejected') return this.#reject(outcome, record);
    if (outcome.task.ahead === true) return NOTHING;
    if (outcome.kind === 'progress') return this.#progress(outcome, record);
    if (outcome.kind === 'shadow') {
      // Nothing waits for it, and nothing is to be answered.
      this.#options.observer.shadowed?.(outcome);
      return NOTHING;
    }
    return this.#step(outcome, record);
  }

  #step(outcome: StepOutcome, record: LogRecord): Answer {
    const { task } = outcome;
    const known = this.#pending.get(task.requestId);
    if (known === undefined && !this.#isPast(task) && !this.#responder.knows(task.arrivedAt)) return this.#lookBack(task.arrivedAt, record);
    const id = known?.id ?? compactId(task.requestId, task.source);
    if (this.#isLate(task, id, known)) {
      this.#options.observer.latePart();
      return NOTHING;
    }
    if (isRepeatedLater(outcome)) {
      known?.join.add(outcome);
      return task.provisional === true && outcome.kind === 'completed' ? this.#respondSoFar(known?.join ?? soFar(outcome), id, record) : NOTHING;
    }
    const pending = known ?? this.#waitFor(task, id, record);
    pending.join.add(outcome);
    if (task.provisional === true && outcome.kind === 'completed' && !pending.join.complete) void this.#respondSoFar(pending.join, id, record);
    return this.#advance(pending);
  }

  #progress(outcome: ProgressOutcome, record: LogRecord): Answer {
    const { task } = outcome;
    if (task.provisional !== true) return NOTHING;
    const known = this.#pending.get(task.requestId);
    // Only what is known without looking: what comes later says more.
    if (known === undefined && !this.#responder.knows(task.arrivedAt)) return NOTHING;
    const id = known?.id ?? compactId(task.requestId, task.source);
    return this.#isLate(task, id, known) ? NOTHING : this.#respondSoFar(soFar(outcome), id, record, outcome.part);
  }

  /** A provisional response. What keeps it from being made or written is no harm: the final one follows, and says so. */
  async #respondSoFar(join: Join, id: CompactId, record: LogRecord, part = 0): Promise<readonly StageOutput[]> {
    const { adapterOf, clock, logger, observer } = this.#options;
    const { task } = join;
    const headers = carriedHeaders(record.headers);
    try {
      const sequence = join.ended - 1 + join.parts + part;
      const adapter = adapterOf(task.workload) ?? unknownWorkload(task);
      const response = provisionalResponse(task, join.verdict(adapter.shown?.(task.input)), adapter, sequence, clock.now());
      if (response === undefined) return NOTHING;
      observer.provisional(task.workload);
      this.#pending.get(task.requestId)?.gave(sequence);
      const output = this.#output(response, task, headers);
      this.#reply(output, headers);
      await this.#responder.provisional({ requestId: task.requestId, id, arrivedAt: task.arrivedAt, output });
    } catch (err) {
      logger.debug({ err, requestId: task.requestId }, 'a provisional response could not be given');
    }
    return NOTHING;
  }

  /** Without a deadline and an order nothing has to be guarded: the last outcome brings the task along. */
  #isGuarded({ deadlineAt, plan, workload }: Task): boolean {
    return deadlineAt !== null || plan.steps.length === 0 || this.#options.isOrdered(workload);
  }

  #isPast({ deadlineAt }: Task): boolean {
    return deadlineAt !== null && deadlineAt + LATE_AFTER_MS < this.#options.clock.now();
  }

  /** Its request is answered, or must have been; or it belongs to a repeated request id that was refused. */
  #isLate(task: Task, id: CompactId, known: Pending | undefined): boolean {
    if (known !== undefined) return known.response !== undefined || known.task.source !== task.source;
    return this.#responder.stateOf(task.requestId, id) !== 'unknown' || this.#isPast(task);
  }

  /** Not answered yet. @throws {RecordError} the id was used by another request before */
  #isOpen(requestId: string, id: CompactId): boolean {
    const state = this.#responder.stateOf(requestId, id);
    if (state === 'other') throw duplicate(requestId);
    return state === 'unknown';
  }

  #lookBack(arrivedAt: number, record: LogRecord): Answer {
    const looking = this.#responder.lookBack(arrivedAt);
    this.#lookingBack = looking;
    const over = () => {
      if (this.#lookingBack === looking) this.#lookingBack = undefined;
    };
    // Over when the first that waits is handled, and not before: else a record that comes in between would overtake those that wait.
    const first = () => {
      over();
      return this.handle(record);
    };
    const failed = (error: unknown) => {
      over();
      throw error;
    };
    return looking.then(first, failed);
  }

  #waitFor(task: Task, id: CompactId, record: LogRecord): Pending {
    const { isOrdered, clock, deadlineMarginMs } = this.#options;
    const pending = new Pending(task, id, carriedHeaders(record.headers));
    this.#pending.set(task.requestId, pending);
    if (task.deadlineAt !== null) pending.cancelDeadline = clock.schedule(task.deadlineAt - deadlineMarginMs, () => this.#deadline(pending));
    // Its task comes, unless it came when the workload promised no order yet.
    else if (isOrdered(task.workload)) pending.cancelDeadline = clock.schedule(clock.now() + TASK_PATIENCE_MS, () => this.#giveUpOrder(pending));
    return pending;
  }

  /** Its task is here, and so are those of all earlier requests of its key that are not answered. */
  #inTurn(pending: Pending): Pending {
    if (this.#options.isOrdered(pending.task.workload)) this.#order.add(pending);
    return pending;
  }

  #advance(pending: Pending): Answer {
    if (pending.join.complete && pending.response === undefined) this.#finish(pending, this.#responseOf(pending));
    else this.#sendInTurn(pending.task);
    return pending.answered;
  }

  #cancel({ requestId }: Cancellation): Answer {
    const pending = this.#pending.get(requestId);
    // Else it is answered; or, without a deadline, whoever drops its work says so.
    if (pending === undefined) return NOTHING;
    if (pending.response === undefined) this.#finish(pending, cancelledResponse(pending.task, this.#options.clock.now()));
    return pending.answered;
  }

  #deadline(pending: Pending): void {
    if (pending.response === undefined) this.#finish(pending, this.#responseOf(pending));
    this.#sendOutOfTurn(pending);
  }

  #sendOutOfTurn(pending: Pending): void {
    this.#order.remove(pending);
    this.#respond(pending);
    this.#sendInTurn(pending.task);
  }

  #giveUpOrder(pending: Pending): void {
    if (this.#order.has(pending)) return;
    pending.outOfTurn = true;
    this.#respond(pending);
  }

  #sendInTurn({ key, workload }: Task): void {
    if (!this.#options.isOrdered(workload)) return;
    for (const ready of this.#order.takeReady(key)) this.#respond(ready);
  }

  /** From here on every further part is late. */
  #finish(pending: Pending, response: Response): void {
    if (this.#responder.closed) return;
    pending.response = pending.task.provisional === true ? { ...response, sequence: pending.sequence } : response;
    if (this.#options.isOrdered(pending.task.workload) && !pending.outOfTurn) this.#sendInTurn(pending.task);
    else this.#respond(pending);
  }

  #respond(pending: Pending): void {
    const { task, id, headers, response } = pending;
    if (response === undefined || pending.sent) return;
    pending.sent = true;
    pending.cancelDeadline();
    this.#options.observer.responded(response, task);
    this.#write(response, id, task, headers).then(
      () => this.#done(pending, () => pending.release()),
      (error: unknown) => this.#done(pending, () => pending.fail(error)),
    );
  }

  #done(pending: Pending, settle: () => void): void {
    if (this.#pending.get(pending.task.requestId) === pending) this.#pending.delete(pending.task.requestId);
    settle();
  }

  #responseOf({ join }: Pending): Response {
    const { adapterOf, variants, clock } = this.#options;
    try {
      const adapter = adapterOf(join.task.workload) ?? unknownWorkload(join.task);
      return finalResponse(join.task, join.verdict(adapter.shown?.(join.task.input)), adapter, variants, clock.now());
    } catch (error) {
      return defectResponse(join.task, error, clock.now());
    }
  }

  #reject(rejected: RejectedOutcome, record: LogRecord): Answer {
    const { requestId, source, arrivedAt } = rejected;
    const pending = this.#pending.get(requestId);
    // It was a task once, and has outcomes; read again, it came too late for instance. This stands for its task: its place is here.
    if (pending !== undefined) return this.#advance(this.#inTurn(sameRequest(pending, rejected)));
    if (!this.#responder.knows(arrivedAt)) return this.#lookBack(arrivedAt, record);
    const id = compactId(requestId, source);
    if (!this.#isOpen(requestId, id)) return NOTHING;
    const response = rejectedResponse(rejected, this.#options.clock.now());
    this.#options.observer.responded(response);
    return this.#write(response, id, { key: record.key ?? requestId, source, arrivedAt }, carriedHeaders(record.headers)).then(() => NOTHING);
  }

  /** A response that the log will not take is replaced by one that says so. */
  async #write(response: Response, id: CompactId, request: Pick<Task, 'key' | 'source' | 'arrivedAt'>, headers: Headers): Promise<void> {
    const { requestId, workload, userId } = response;
    const { arrivedAt } = request;
    for (let made = response; ;) {
      try {
        const output = this.#output(made, request, headers);
        await this.#responder.respond({ requestId, id, arrivedAt, output });
        return this.#reply(output, headers);
      } catch (error) {
        if (!(error instanceof TandemError) || error.retryable || made.result === undefined) throw error;
        made = defectResponse({ requestId, workload, arrivedAt, ...(userId === undefined ? {} : { userId }) }, error, this.#options.clock.now());
      }
    }
  }

  /** Never in the way of the response: what cannot be sent is not. */
  #reply(response: StageOutput, headers: Headers): void {
    const reply = this.#responder.closed ? undefined : replyTo(response, headers, this.#options.prefix);
    if (reply === undefined) return;
    this.#publish([reply]).catch((err: unknown) => this.#options.logger.debug({ err }, 'a gateway did not get its copy of a response'));
  }

  #output(response: Response, { key, source }: Pick<Task, 'key' | 'source'>, headers: Headers): StageOutput {
    return {
      topic: topicName(this.#options.prefix, 'responses'),
      // Where the request's other records are: that is where a later owner looks for it.
      partition: this.#number,
      key,
      value: JSON.stringify(response),
      headers: { ...headers, [HEADER.requestId]: response.requestId, [HEADER.source]: source, ...(response.final ? {} : PROVISIONAL) },
    };
  }
}
