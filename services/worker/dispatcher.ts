import type { Lane } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import {
  BatchQueue, BatchTimeModel, formBatch, largestBatch, lengthBucket, takeExpired,
  type Batch, type BatchSituation, type QueuedWork,
} from '@tandem/shared/core';
import { TandemError, isRetryable } from '@tandem/shared/errors';
import { runBatch, type BatchSink, type RanBatch, type RunRules } from './batch-runner.ts';
import type { WorkerLimits, WorkerObserver } from './options.ts';
import { completedOutcome, expiredOutcome, failedOutcome } from './outcomes.ts';
import type { PendingWork, Submission } from './pending-work.ts';

/** The next batch is formed this long before a session is expected to be free: later it is larger, too late it idles. */
const AHEAD_MS = 2;

export interface DispatcherOptions {
  /** Sessions that run at once. */
  concurrency: number;
  clock: Clock;
  limits: WorkerLimits;
  observer: WorkerObserver;
}

interface Running {
  /** Predicted, epoch ms. */
  endsAt: number;
}

/** Holds work, forms batches whenever a session is or is about to be free, and answers. */
export class Dispatcher implements BatchSink {
  readonly #options: DispatcherOptions;
  readonly #queue: BatchQueue<PendingWork>;
  readonly #times = new BatchTimeModel();
  readonly #running = new Set<Running>();
  readonly #rules: RunRules;
  #onIdle: (() => void)[] = [];
  #scheduled = false;
  #cancelTimer: () => void = () => undefined;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    const { clock, limits } = options;
    const pause = (durationMs: number) => new Promise<void>((resolve) => void clock.schedule(clock.now() + durationMs, resolve));
    this.#rules = { maxThreadLosses: limits.maxThreadLosses, pause };
    this.#queue = new BatchQueue(options.limits.patienceMs);
  }

  /** @throws what the adapter throws on work that it cannot even measure */
  submit(submission: Submission, lane: Lane): void {
    const { work, served } = submission;
    const { graph, length } = served.adapter.shape(work, served.variant);
    served.queued += 1;
    this.#queue.add({
      payload: { ...submission, graph },
      group: `${served.name}|${graph}|${lengthBucket(length)}`,
      lane,
      deadlineAt: work.task.deadlineAt,
      enqueuedAt: this.#options.clock.now(),
    });
    this.#pumpSoon();
  }

  /** Resolves when nothing waits and nothing runs. */
  idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  completed(batch: readonly PendingWork[], { results, computeMs }: RanBatch): void {
    const now = this.#options.clock.now();
    let longestMs = 0;
    batch.forEach((pending, row) => {
      const queueMs = hundredths(Math.max(0, now - computeMs - pending.work.dispatchedAt));
      longestMs = Math.max(longestMs, queueMs);
      const timing = { batchSize: batch.length, queueMs, computeMs: hundredths(computeMs) };
      pending.served.running -= 1;
      pending.served.completed += 1;
      if (pending.work.task.lane === 'bulk') pending.served.bulkCompleted += 1;
      pending.answer(completedOutcome(pending.work, pending.served, results[row]!, timing));
      this.#options.observer.outcome?.('completed', pending.served.name);
    });
    const [first] = batch;
    first?.served.batchDone(batch.length, computeMs);
    if (first !== undefined) this.#options.observer.batch?.(first.served.name, batch.length, longestMs, computeMs);
  }

  /** It has failed alone: nobody else is to blame. */
  failed(pending: PendingWork, error: unknown): void {
    pending.served.running -= 1;
    pending.served.failed += 1;
    const code = isRetryable(error) ? 'model_crash' : 'step_failed';
    const outcome = failedOutcome(pending.work, error, code);
    pending.answer(outcome, { code, message: outcome.message, attempts: 1 });
    this.#options.observer.outcome?.('failed', pending.served.name);
  }

  handedBack(batch: readonly PendingWork[], error: TandemError): void {
    const goingAway = new TandemError('this worker is going away; another will run it', { code: 'worker_stopping', retryable: true, cause: error });
    for (const pending of batch) {
      pending.served.running -= 1;
      pending.handBack(goingAway);
    }
  }

  /** Records are delivered many in one turn of the event loop: they shall meet in one batch. */
  #pumpSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    this.#cancelTimer();
    while (this.#running.size <= this.#options.concurrency) {
      const situation = this.#situation();
      this.#expire(takeExpired(this.#queue, situation));
      if (!this.#mayForm(situation)) break;
      const { expired, batch, waitUntil } = formBatch(this.#queue, situation);
      this.#expire(expired);
      if (waitUntil !== undefined) this.#pumpAt(waitUntil);
      if (batch === undefined) break;
      void this.#run(batch, situation);
    }
    if (this.#isIdle) for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #situation(): BatchSituation {
    const { clock, concurrency, limits } = this.#options;
    const now = clock.now();
    let firstEnd = Infinity;
    for (const { endsAt } of this.#running) firstEnd = Math.min(firstEnd, endsAt);
    const startsAt = this.#running.size < concurrency ? now : Math.max(now, firstEnd);
    return { now, startsAt, sessions: concurrency, times: this.#times, limits };
  }

  /** Ahead of a free session only where waiting could not make the batch larger, or the session is nearly free. */
  #mayForm(situation: BatchSituation): boolean {
    const { concurrency, limits } = this.#options;
    const largest = largestBatch(this.#queue, situation);
    if (largest === 0) return false;
    if (this.#running.size < concurrency || largest >= limits.maxBatchSize) return true;
    const formAt = situation.startsAt - AHEAD_MS;
    if (formAt <= situation.now) return true;
    this.#pumpAt(formAt);
    return false;
  }

  #pumpAt(at: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.schedule(at, () => this.#pump());
  }

  async #run({ group, work }: Batch<PendingWork>, { startsAt }: BatchSituation): Promise<void> {
    const batch = work.map(({ payload }) => payload);
    const served = batch[0]!.served;
    const running = { endsAt: startsAt + (this.#times.predict(group, batch.length) ?? 0) };
    this.#running.add(running);
    served.queued -= batch.length;
    served.running += batch.length;
    const completed = (ran: readonly PendingWork[], result: RanBatch) => {
      this.#times.observe(group, ran.length, result.computeMs, this.#options.clock.now());
      this.completed(ran, result);
    };
    const sink: BatchSink = {
      completed,
      failed: (pending, error) => this.failed(pending, error),
      handedBack: (pending, error) => this.handedBack(pending, error),
    };
    try {
      await runBatch(served, batch, this.#rules, sink);
    } catch (error) {
      for (const pending of batch) pending.handBack(error);
    }
    this.#running.delete(running);
    this.#pump();
  }

  #expire(expired: readonly QueuedWork<PendingWork>[]): void {
    for (const { payload } of expired) {
      payload.served.queued -= 1;
      payload.answer(expiredOutcome(payload.work));
      this.#options.observer.outcome?.('expired', payload.served.name);
    }
  }

  get #isIdle(): boolean {
    return this.#queue.size === 0 && this.#running.size === 0;
  }
}

function hundredths(ms: number): number {
  return Math.round(ms * 100) / 100;
}
