import { workloadSchema, type Task, type Variant, type Workload } from '@tandem/schemas';
import type { Random } from '@tandem/shared/clock';
import { answerMarginMs, BanditLearner, banditPolicy, deadlineAwarePolicy, offPolicyValue, REWARD_WEIGHTS, type LearnerState, type LoggedDecision, type Policy, type RewardWeights, type Rewarded } from '@tandem/shared/core';
import { poissonArrivals, seededRandom } from '@tandem/shared/random';
import { curveTimes, hopAround, simulate, uniformHops, type ServiceTimes, type SimulationFigures, type SimulationSpec } from '@tandem/simulator';
import { variantsOfWorld, type World } from './worlds.ts';

/** What a policy was said to earn by another one's decisions, and what it then earned. */
export interface LearningRow {
  world: string;
  policy: string;
  /** From the log of the first half, ± standard error; of the policy that logged: what it earned. */
  ips: number;
  snips: number;
  doublyRobust: number;
  standardError: number;
  /** Then served: mean reward per decision between several variants that were in time. */
  earned: number;
  /** Such decisions. */
  decisions: number;
  /** Of all requests: not complete in time. */
  missShare: number;
  meanAccuracy: number;
  sessionSecondsPer1000: number;
  /** Whether the learnt choice may serve, by its own gate. */
  isOpen: boolean | undefined;
}

const PER_SECOND = 1_200;
const SLO_MS = 60;
/** One precision in half the time of the other. */
const TIMES = { fp32: curveTimes([{ size: 1, ms: 1.1 }, { size: 32, ms: 33 }], 0.1), int8: curveTimes([{ size: 1, ms: 0.6 }, { size: 32, ms: 16.5 }], 0.1) };

/** A model, at each precision, and what is asked of it. */
export interface LearntModel {
  variants: readonly Variant[];
  /** By precision. */
  times: ReadonlyMap<string, ServiceTimes>;
  perSecond: number;
  /** Of the answer, ms; its deadline is 5 ms earlier. */
  sloMs: number;
}

const MADE_UP: LearntModel = { variants: variantsOfWorld(), times: new Map(Object.entries(TIMES)), perSecond: PER_SECOND, sloMs: SLO_MS };

function workloadOf({ variants, sloMs }: LearntModel): Workload {
  return workloadSchema.parse({
    name: 'learning', description: 'one step', adapter: 'classify', deadlineMs: sloMs - 5,
    plans: { fine: { strategy: 'cascade', steps: [{ id: 'fine', role: 'fine', model: variants[0]!.model, after: [], required: false }] } },
  });
}

function specOf({ right }: World, model: LearntModel, policy: Policy, seconds: number, seed: number): SimulationSpec {
  const { variants, times, perSecond, sloMs } = model;
  const serves = new Map([...times].map(([precision, one]) => [`${variants[0]!.model}.${precision}`, [{ name: 'all', share: 1, times: one }]]));
  return {
    seed, seconds, policy,
    traffic: [{
      workload: workloadOf(model), arrivals: (random) => poissonArrivals(perSecond, random), tasks: { fine: 1 }, sloMs, activity: (random) => random(),
      isRight: (variant: string, { activity }: Task, random: Random) => random() < right(variant.split('.').at(-1)!, activity),
    }],
    cluster: {
      variants, partitions: 16, hops: uniformHops(hopAround(1), true), deadlineMarginMs: answerMarginMs(),
      workers: ['w1', 'w2'].map((instance) => ({ instance, machine: instance, sessions: 1, serves })),
    },
  };
}

interface Served {
  figures: SimulationFigures;
  rewarded: Rewarded[];
  learner: BanditLearner;
}

function served(world: World, model: LearntModel, seed: number, seconds: number, weights: RewardWeights, { state, fewest = 50, explore = 0.1 }: { state?: LearnerState; fewest?: number; explore?: number } = {}): Served {
  const rewarded: Rewarded[] = [];
  const learner = new BanditLearner({ weights, onReward: (one) => void (one.source === 'live' && rewarded.push(one)) });
  if (state !== undefined) learner.restore(state);
  const policy = banditPolicy({ learner, random: seededRandom(seed, 'lots'), fewest, explore });
  return { figures: simulate(specOf(world, model, policy, seconds, seed)), rewarded, learner };
}

const meanReward = (rewarded: readonly Rewarded[]) => rewarded.reduce((sum, { decision: { reward } }) => sum + reward, 0) / rewarded.length;

export interface LearningOptions {
  /** @default one that is made up */
  model?: LearntModel;
  /** Of each run. */
  seconds?: number;
  seed?: number;
  weights?: RewardWeights;
}

/**
 * Decisions of the fallback with a tenth drawn by lot are logged; from that alone it is estimated what the fallback, the lightest variant in time
 * and what has been learnt would earn; then the fallback and what was learnt are served on other requests, and compared with that.
 */
export function learnInWorld(world: World, { model = MADE_UP, seconds = 30, seed = 1, weights = { ...REWARD_WEIGHTS, costPerMs: 0.2 } }: LearningOptions = {}): LearningRow[] {
  const logging = served(world, model, seed, seconds, weights, { fewest: Infinity });
  const second = logging.rewarded.slice(Math.floor(logging.rewarded.length / 2));
  const learntOf = new Map(second.map(({ decision, learnt }) => [decision, learnt]));
  const fallbackOf = new Map(second.map(({ decision, fallback }) => [decision, fallback]));
  const log = second.map(({ decision }) => decision);
  const valueOf = (target: (decision: LoggedDecision) => number) => offPolicyValue(log, target);
  const after = served(world, model, seed + 1, seconds, weights, { state: logging.learner.snapshot(), explore: 0.01 });
  const base = served(world, model, seed + 1, seconds, weights, { fewest: Infinity, explore: 0 });
  const row = (policy: string, value: ReturnType<typeof valueOf>, { figures, rewarded }: Served, isOpen: boolean | undefined): LearningRow => ({
    world: world.name, policy, ips: value.ips, snips: value.snips, doublyRobust: value.doublyRobust, standardError: value.standardError, earned: meanReward(rewarded), decisions: rewarded.length,
    missShare: 1 - figures.inTimeShare, meanAccuracy: figures.meanAccuracy, sessionSecondsPer1000: figures.sessionSecondsPer1000, isOpen,
  });
  return [
    row(deadlineAwarePolicy().name, valueOf((decision) => fallbackOf.get(decision)!), base, undefined),
    row('bandit', valueOf((decision) => learntOf.get(decision)!), after, logging.learner.gain('live').isOpen),
  ];
}
