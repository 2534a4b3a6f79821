import type { StepResult } from '@tandem/schemas';
import type { WorkerObserver } from '../options.ts';
import { completedOutcome, type Timing } from '../outcomes.ts';
import type { PendingWork } from '../pending-work.ts';

/** Answers a piece of work with its slate, and counts it. @param parts how often it has told what it had so far */
export function answerSlate(pending: PendingWork, result: StepResult, { batchSize, queueMs, computeMs }: Timing, observer: WorkerObserver, parts = 0): void {
  const { served, work, lane } = pending;
  served.completed += 1;
  if (lane === 'bulk') served.bulkCompleted += 1;
  observer.outcome?.('completed', served.name);
  const outcome = completedOutcome(work, served, result, { batchSize, queueMs: hundredths(queueMs), computeMs: hundredths(computeMs) });
  pending.answer(parts === 0 ? outcome : { ...outcome, parts });
}

function hundredths(ms: number): number {
  return Math.round(ms * 100) / 100;
}
