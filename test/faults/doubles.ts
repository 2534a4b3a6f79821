import type { Violation } from './check-types.ts';
import type { InjectedFault } from './injector.ts';
import type { StageTarget } from './schedule.ts';

/** What may let a response of a fusion process arrive after the next owner of its partition has looked: docs/delivery.md. */
const DEADLY = ['kill', 'cut', 'stall'];
/** A session, a rebalance and reading what has been answered; with room for machines that are busy. */
const UNTIL_ANSWERED_MS = 40_000;
const CLOCKS_DIFFER_MS = 1_000;

/**
 * Answers too many that at-least-once does not allow for: none of the request's answers was appended while a fusion
 * process was dying, or its successor at work.
 */
export function unexplainedDoubles(violations: readonly Violation[], faults: readonly InjectedFault[], chain: readonly StageTarget[] = []): Violation[] {
  const host = chain.includes('fusion') ? chain.at(-1) : 'fusion';
  const deaths = faults.filter(({ kind, target }) => kind === 'leader-pause' || (DEADLY.includes(kind) && (target === host || target === 'all')));
  const explained = (at: number) => deaths.some(({ startedAt, endedAt }) => at >= startedAt - CLOCKS_DIFFER_MS && at <= endedAt + UNTIL_ANSWERED_MS);
  return violations.filter(({ kind, answeredAt = [] }) => kind === 'doubled' && !answeredAt.some(explained));
}
