import type { Scenario } from '../harness/bench.ts';
import { ablation } from './ablation.ts';
import { ladder } from './ladder.ts';
import { coldStart, drain, memory } from './life.ts';
import { noop } from './noop/noop.ts';
import { overload } from './overload.ts';
import { peers } from './peers.ts';
import { batchSize, scaling } from './variations.ts';

/** In the order of a full run. */
export const SCENARIOS: readonly Scenario[] = [ladder, ablation, overload, scaling, batchSize, drain, coldStart, memory, noop, peers];
