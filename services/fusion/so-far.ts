import type { ProgressOutcome, StepOutcome } from '@tandem/schemas';
import { Join } from '@tandem/shared/core';

/** What is known of a request from one outcome and what that brings along. */
export function soFar(outcome: StepOutcome | ProgressOutcome): Join {
  const join = new Join(outcome.task);
  join.add(outcome.kind === 'progress' ? asIfCompleted(outcome) : outcome);
  return join;
}

function asIfCompleted({ requestId, step, task, previous, run, result }: ProgressOutcome): StepOutcome {
  return { kind: 'completed', requestId, step, task, previous, run, result };
}
