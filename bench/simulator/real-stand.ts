import { availableParallelism } from 'node:os';
import { loadReplay, type Replay } from '../harness/dataset.ts';
import { QUICK } from '../harness/bench.ts';
import { Session, type MeasureOptions } from '../harness/measure.ts';
import { openStand, type Stand } from '../harness/stand.ts';
import { temporaryFolder } from '../../test/support/processes.ts';
import { gradedCluster, gradedModels, type GradedModels } from './graded-cluster.ts';
import type { Bounds } from './predict.ts';
import { Tapped } from './tapped.ts';

/** A request says so much less than the SLO as its deadline: the way to the broker and back counts too. */
const WAY_MS = 10;

/** A real Kafka, made models, and users to ask. */
export interface RealStand extends AsyncDisposable {
  stand: Stand;
  models: GradedModels;
  bounds: Bounds;
  cores: number;
  seed: number;
  /** The chain with this policy, and two workers; ready and warm. */
  open(policy: readonly string[]): Promise<{ tapped: Tapped; roughCapacity: number } & AsyncDisposable>;
}

interface RealStandOptions {
  kafka: string | undefined;
  seed: number;
  sloMs: number;
  progress: (text: string) => void;
}

export async function openRealStand({ kafka, seed, sloMs, progress }: RealStandOptions): Promise<RealStand> {
  const folder = temporaryFolder('tandem-simulator-');
  const models = await gradedModels(folder);
  const replay: Replay = await loadReplay({ seed, repeatShare: 0, catalogueSize: 100_000, synthetic: true }, progress);
  const stand = await openStand(kafka, models.variants);
  const bounds = { sloMs, deadlineMs: sloMs - WAY_MS };
  const options: MeasureOptions = { stand, replay, sloMs, deadlineMs: bounds.deadlineMs, seed, effort: QUICK };
  return {
    stand, models, bounds, seed, cores: availableParallelism(),
    async open(policy) {
      const session = await Session.open(gradedCluster(models, policy), options);
      try {
        await session.ready();
        const roughCapacity = await session.warmUp();
        progress(`${policy.join(' ')}: ready, ${roughCapacity.toFixed(0)}/s in a burst`);
        return { tapped: new Tapped(session, stand.log), roughCapacity, [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]() };
      } catch (error) {
        await session[Symbol.asyncDispose]();
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => stand[Symbol.asyncDispose](),
  };
}
