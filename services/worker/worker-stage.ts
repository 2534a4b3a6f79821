import { dueAtOf, HEADER, isOverdue, topicName, workTopicName, type Cancellation, type Lane, type Outcome, type Work } from '@tandem/schemas';
import { RecentKeys } from '@tandem/shared/core';
import { ErasureWatch } from '@tandem/shared/erasure';
import type { LogRecord, TopicPartition } from '@tandem/shared/log';
import { currentSpan } from '@tandem/shared/telemetry';
import { JsonOutput, carriedHeaders, deadLetter, type Intake, type Stage, type StageContext, type StageInput, type StageOutput } from '@tandem/shared/runner';
import { Dispatcher } from './dispatcher.ts';
import { Decoders } from './generate/decoders.ts';
import { runCountsOf } from './fallback-run-counts.ts';
import { Heartbeats } from './heartbeats.ts';
import { loadVariants } from './load-variants.ts';
import { LoggedRunCounts } from './logged-run-counts.ts';
import { compileLimits, type WorkerLimits, type WorkerStageOptions } from './options.ts';
import { cancelledOutcome, expiredOutcome, failedOutcome, progressOutcome, shadowOutcome } from './outcomes.ts';
import { keepResults, type KeptResults } from './kept-results.ts';
import { ModelReloads } from './model-reloads.ts';
import { Residency } from './residency.ts';
import type { RecordFault, Submission } from './pending-work.ts';
import { PrefixUpkeep } from './prefix-upkeep.ts';
import { readWork } from './read-work.ts';
import type { ServedVariant } from './served-variant.ts';
import type { Suspicion } from './run-counts.ts';
import { Suspects } from './suspects.ts';

const NOTHING: readonly StageOutput[] = [];
const LANES = ['interactive', 'bulk'] as const satisfies readonly Lane[];

interface Source {
  served: ServedVariant;
  lane: Lane;
}

/**
 * Runs work at the precision it was assigned: reads the topics of each variant, forms batches, infers, and writes an
 * outcome for each piece of work. Loads the variants first; one that cannot be loaded is refused with a warning.
 * @throws {TandemError} `no_variant_loaded`, `invalid_options`; the engine is closed then
 */
export async function createWorkerStage(options: WorkerStageOptions): Promise<Stage> {
  try {
    return new WorkerStage(options, await loadVariants(options));
  } catch (error) {
    await options.engine.close();
    throw error;
  }
}

class WorkerStage implements Stage {
  readonly name = 'worker';
  readonly inputs: readonly StageInput[];
  readonly #options: WorkerStageOptions;
  readonly #sources = new Map<string, Source>();
  readonly #dispatcher: Dispatcher;
  readonly #heartbeats: Heartbeats;
  readonly #suspects: Suspects;
  readonly #loggedRuns: LoggedRunCounts | undefined;
  readonly #results: KeptResults;
  readonly #prefixes: PrefixUpkeep;
  readonly #decoders: Decoders;
  readonly #erasures: ErasureWatch;
  readonly #reloads: ModelReloads;
  readonly #residency: Residency;
  /** Requests that have been taken back: their work may come after the cancellation. */
  readonly #cancelled = new RecentKeys();

  constructor(options: WorkerStageOptions, served: readonly ServedVariant[]) {
    const { engine, clock, cache, log, logger, prefix, instance, countsIn, observer = {} } = options;
    const limits = compileLimits(options.limits);
    this.#options = options;
    this.inputs = served.map((variant) => this.#inputOf(variant, heldAtMost(limits)));
    this.#loggedRuns = countsIn === undefined ? undefined : new LoggedRunCounts({ log: countsIn, prefix, instance });
    this.#suspects = new Suspects({ counts: runCountsOf(cache, this.#loggedRuns), logger, now: () => log.now(), maxAttempts: limits.maxSuspectRuns });
    this.#dispatcher = new Dispatcher({ concurrency: engine.concurrency, backgroundConcurrency: engine.backgroundConcurrency, clock, limits, observer, logger, suspects: this.#suspects });
    this.#decoders = new Decoders(options, served, { limits, suspects: this.#suspects });
    this.#results = keepResults(options, (submission) => this.#compute(submission));
    this.#prefixes = new PrefixUpkeep(options, served);
    this.#erasures = new ErasureWatch({ ...options, what: 'erased users’ results', onErased: (user, erasedAt) => this.#forget(user, erasedAt) });
    this.#heartbeats = new Heartbeats(options, served);
    this.#residency = new Residency({ ...options, served, submit: (submission) => this.#run(submission) });
    this.#reloads = new ModelReloads({ ...options, served, dispatcher: this.#dispatcher, residency: this.#residency });
  }

  attach(intake: Intake): void {
    this.#heartbeats.attach(intake);
  }

  start(context: StageContext): Promise<void> {
    this.#loggedRuns?.start(context);
    if (this.#results.isOn || this.#prefixes.isOn || this.#decoders.isOn) this.#erasures.start();
    this.#prefixes.start();
    this.#decoders.start();
    this.#reloads.start();
    this.#residency.start();
    return this.#heartbeats.start(context);
  }

  onAssigned(partitions: readonly TopicPartition[]): void {
    this.#suspects.assigned(partitions);
  }

  /** Resolves when the work's batch is done. */
  handle(record: LogRecord, context: StageContext): readonly StageOutput[] | Promise<readonly StageOutput[]> {
    const work = readWork(record);
    const source = this.#sources.get(record.topic);
    if (source === undefined) throw new Error(`no variant of this worker reads ${record.topic}`);
    if ('cancel' in work) return this.#cancel(work);
    const { clock, observer } = this.#options;
    if (this.#cancelled.has(work.task.requestId, clock.now())) return [this.#output(work, cancelledOutcome(work))];
    if (isOverdue(work, clock.now())) {
      observer?.outcome?.('expired', source.served.name);
      if (source.lane !== 'bulk') source.served.expired += 1;
      return [this.#output(work, expiredOutcome(work))];
    }
    if (!this.#suspects.isSuspect(record)) return this.#enqueue(record, work, source, context);
    return this.#suspects.suspicionOf(record, work).then((suspicion) => this.#enqueue(record, work, source, context, suspicion));
  }

  #cancel({ requestId }: Cancellation): readonly StageOutput[] {
    this.#cancelled.add(requestId, this.#options.clock.now());
    this.#results.cancel(requestId);
    this.#residency.cancel(requestId);
    this.#dispatcher.cancel(requestId);
    this.#decoders.cancel(requestId);
    return NOTHING;
  }

  /** By then it is answered as expired. */
  deadlineOf(record: LogRecord): number | undefined {
    const read = readWork(record);
    return 'task' in read ? (dueAtOf(read) ?? undefined) : undefined;
  }

  /** All that is held here is finished: it is little, and handing it back would cost its users more. */
  async drain(): Promise<void> {
    await this.#residency.idle();
    await Promise.all([this.#dispatcher.idle(), this.#decoders.idle()]);
  }

  async stop(): Promise<void> {
    this.#heartbeats.stop();
    this.#prefixes.stop();
    this.#decoders.stop();
    await this.#erasures.stop();
    await this.#reloads.stop();
    await this.#residency.stop();
    await this.#options.engine.close();
  }

  #forget(user: string, erasedAt: number): void {
    this.#results.forget(user, erasedAt);
    this.#prefixes.forget(user);
    this.#decoders.forget(user);
  }

  #enqueue(record: LogRecord, work: Work, { served, lane }: Source, context: StageContext, suspicion?: Suspicion): Promise<readonly StageOutput[]> {
    const span = currentSpan();
    return new Promise((resolve, reject) => {
      const answer = (outcome: Outcome, fault?: RecordFault) => {
        const output = this.#output(work, outcome);
        // What a copy fails on is counted, and its request is answered.
        resolve(fault === undefined || work.shadow !== undefined || work.task.ahead === true ? [output] : [output, this.#deadLetter(record, fault)]);
      };
      this.#results.submit({ work, served, lane, tenant: record.headers[HEADER.tenant], span, suspicion, answer, handBack: reject, progress: this.#progressOf(work, served, record, context) });
    });
  }

  /** Best effort: what is lost of it the next one says, or the outcome. */
  #progressOf(work: Work, served: ServedVariant, { headers }: LogRecord, context: StageContext): Submission['progress'] {
    const { task: { provisional, key }, shadow } = work;
    if (provisional !== true || shadow !== undefined) return undefined;
    const { prefix, logger } = this.#options;
    return (...told) => {
      const value = JSON.stringify(progressOutcome(work, served, ...told));
      const output = { topic: topicName(prefix, 'outcomes'), key, value, headers: carriedHeaders(headers) };
      context.publish([output]).catch((err: unknown) => logger.debug({ err }, 'what a slate has so far could not be told'));
    };
  }

  #compute(submission: Submission): void {
    this.#residency.submit(submission);
  }

  #run(submission: Submission): void {
    try {
      (this.#decoders.of(submission.served) ?? this.#dispatcher).submit(submission);
    } catch (error) {
      // The adapter cannot even tell the input's size: no batch has seen it.
      const outcome = failedOutcome(submission.work, error);
      submission.answer(outcome, { code: outcome.code, message: outcome.message, attempts: 1 });
    }
  }

  /** The request is answered by its outcome; what an operator wants to look at, and perhaps replay, is the record. */
  #deadLetter(record: LogRecord, { code, message, attempts }: RecordFault): StageOutput {
    const { prefix, clock, observer } = this.#options;
    observer?.deadLetter?.(code);
    return deadLetter(prefix, record, { stage: this.name, code, message, attempts, time: clock.now() });
  }

  #output(work: Work, outcome: Outcome): StageOutput {
    return new JsonOutput(topicName(this.#options.prefix, 'outcomes'), work.task.key, shadowOutcome(work, outcome) ?? outcome);
  }

  #inputOf(served: ServedVariant, maxInFlight: number): StageInput {
    const { prefix, pool } = this.#options;
    const { model, precision } = served.variant;
    const topics = LANES.map((lane) => {
      const topic = workTopicName(prefix, lane, { model, precision, pool });
      this.#sources.set(topic, { served, lane });
      return topic;
    });
    return { group: ['worker', model, precision, ...(pool === undefined ? [] : [pool])].join('.'), topics, maxInFlight, ownGroup: true };
  }
}

/** What comes while the queue is full has to be seen to be rejected. */
function heldAtMost({ whenFull, maxQueueSize }: WorkerLimits): number {
  return whenFull === 'reject' ? 2 * maxQueueSize : maxQueueSize;
}
