import { closesAt } from '../deadlines/index.ts';
import type { DecisionContext } from './types.ts';

/** Until fusion answers the request with what there is by then, ms; Infinity: it has no deadline. */
export function timeLeftMs({ task, cluster: { answerMarginMs = 0 }, now }: Pick<DecisionContext, 'task' | 'cluster' | 'now'>): number {
  return closesAt(task, answerMarginMs) - now;
}
