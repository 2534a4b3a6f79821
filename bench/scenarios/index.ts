import type { Scenario } from '../harness/bench.ts';
import { ladder } from './ladder.ts';

/** In the order of a full run. */
export const SCENARIOS: readonly Scenario[] = [ladder];
