import type { Clock } from '@tandem/shared/clock';
import { TandemError, messageOf } from '@tandem/shared/errors';
import type { RanBatch } from './batch-part.ts';
import type { WorkerObserver } from './options.ts';
import { cancelledOutcome, completedOutcome, expiredOutcome, failedOutcome, redispatchOutcome } from './outcomes.ts';
import type { PendingWork, Submission } from './pending-work.ts';
import type { Suspicion } from './run-counts.ts';

/** The input has ended its inference thread, each time. */
const CRASHES: ReadonlySet<string> = new Set(['engine_thread_lost', 'thread_hung']);

export interface SettlerOptions {
  clock: Clock;
  observer: WorkerObserver;
  /** Whoever ends here has not ended the process. */
  survived: (suspicions: readonly Suspicion[]) => void;
}

/** Answers pieces of work, each once, and keeps the counts of their variants. */
export class Settler {
  readonly #options: SettlerOptions;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  completed(batch: readonly PendingWork[], { results, computeMs, kind }: RanBatch): void {
    const now = this.#options.clock.now();
    let longestMs = 0;
    batch.forEach((pending, row) => {
      const queueMs = hundredths(Math.max(0, now - computeMs - pending.work.dispatchedAt));
      longestMs = Math.max(longestMs, queueMs);
      const timing = { batchSize: batch.length, queueMs, computeMs: hundredths(computeMs) };
      pending.served.completed += 1;
      if (pending.work.task.lane === 'bulk') pending.served.bulkCompleted += 1;
      this.#ran(pending, 'completed');
      pending.answer(completedOutcome(pending.work, pending.served, results[row]!, timing));
    });
    const [first] = batch;
    first?.served.batchDone(batch.length, computeMs, longestMs, now, kind);
    if (first !== undefined) this.#options.observer.batch?.(first.served.name, batch.length, longestMs, computeMs, batch.map(({ span }) => span));
  }

  /** It has failed alone: nobody else is to blame. */
  failed(pending: PendingWork, error: unknown): void {
    pending.served.failed += 1;
    this.#ran(pending, 'failed');
    const code = error instanceof TandemError && CRASHES.has(error.code) ? 'model_crash' : 'step_failed';
    if (pending.work.rescuable === true) return pending.answer(redispatchOutcome(pending.work, `${pending.served.name} failed (${messageOf(error)})`));
    const outcome = failedOutcome(pending.work, error, code);
    pending.answer(outcome, { code, message: outcome.message, attempts: pending.suspicion?.attempt ?? 1 });
  }

  /** @param failed something went wrong with it here: whoever gets it next shall be careful */
  handedBack(batch: readonly PendingWork[], error: unknown, failed: boolean): void {
    const goingAway = new TandemError('this worker is going away; another will run it', { code: 'worker_stopping', retryable: true, cause: error });
    for (const pending of batch) {
      pending.served.running -= 1;
      if (!failed) this.survived(pending);
      pending.handBack(goingAway);
    }
  }

  /** Its variant is taken out: the scheduler finds another. */
  refused(pending: Submission, error?: unknown): void {
    const why = error === undefined ? '' : ` (${messageOf(error)})`;
    this.#options.observer.outcome?.('redispatched', pending.served.name);
    this.survived(pending);
    pending.answer(redispatchOutcome(pending.work, `${pending.served.name} has failed repeatedly and is taken out for a while${why}`));
  }

  expired(pending: Submission): void {
    if (pending.work.task.lane !== 'bulk') pending.served.expired += 1;
    this.#options.observer.outcome?.('expired', pending.served.name);
    pending.answer(expiredOutcome(pending.work));
  }

  cancelled(pending: Submission): void {
    this.#options.observer.outcome?.('cancelled', pending.served.name);
    // Where nothing guards a deadline, this is what ends the request.
    pending.answer(cancelledOutcome(pending.work));
  }

  /** It has ended its process too often. */
  givenUp(pending: Submission, { attempt }: Suspicion): void {
    const attempts = attempt - 1;
    pending.served.failed += 1;
    this.#options.observer.outcome?.('failed', pending.served.name);
    if (pending.work.rescuable === true) return pending.answer(redispatchOutcome(pending.work, `the process has ended ${attempts} times while it ran this on ${pending.served.name}`));
    const why = new Error(`the process has ended ${attempts} times while it ran this, the last time with nothing else running; it is not run again`);
    const outcome = failedOutcome(pending.work, why, 'model_crash');
    pending.answer(outcome, { code: outcome.code, message: outcome.message, attempts });
  }

  #ran(pending: PendingWork, kind: 'completed' | 'failed'): void {
    pending.served.running -= 1;
    this.#options.observer.outcome?.(kind, pending.served.name);
    this.survived(pending);
  }

  /** It has ended, and the process lives. */
  survived({ suspicion }: Submission): void {
    if (suspicion !== undefined) this.#options.survived([suspicion]);
  }
}

function hundredths(ms: number): number {
  return Math.round(ms * 100) / 100;
}
