import type { StepEnd, StepOutcome } from '@tandem/schemas';
import { FEATURES } from './features.ts';
import type { LoggedDecision } from './off-policy.ts';
import { agreementOf, REWARD_WEIGHTS, rewardOf, type RewardWeights } from './reward.ts';
import { Ridge, type Estimate, type RidgeState } from './ridge.ts';
import { ServingGate, type Gain, type GateOptions, type GateState } from './serving-gate.ts';

/** Where the quality of an answer is known from, the better source first. Each has a scale, regressions and a gate of its own. */
export const QUALITY_SOURCES = ['live', 'agreement'] as const;
export type QualitySource = (typeof QUALITY_SOURCES)[number];

/** A variant that could have been taken. */
export interface Action {
  /** `workload/step/model.precision` */
  arm: string;
  features: readonly number[];
  /** Its validated accuracy, as a share of the best one's. */
  accuracyShare: number;
  costMs: number;
  joules: number | undefined;
}

/** A decision whose reward has not come yet. */
export interface Decided {
  requestId: string;
  step: string;
  actions: readonly Action[];
  chosen: number;
  propensity: number;
  /** What the fallback would have taken. */
  fallback: number;
  /** What was expected of each action, and which one would have been taken, by source. */
  views: Readonly<Record<QualitySource, { expected: readonly number[]; learnt: number }>>;
  /** Until when its result is taken, epoch ms; Infinity: for ever. */
  closesAt: number;
}

interface Pending extends Decided {
  /** Undefined: it has not come back. */
  came: { costMs: number; isLate: boolean } | undefined;
  /** What comes after it has told of its quality. */
  isTold: boolean;
}

/** A decision that has its reward. */
export interface Rewarded {
  source: QualitySource;
  decision: LoggedDecision;
  /** Places of what would have been taken by what was learnt so far, and by the fallback. */
  learnt: number;
  fallback: number;
  actions: readonly Action[];
}

export interface LearnerOptions {
  weights: RewardWeights;
  gate: Partial<GateOptions>;
  /** Of what a regression knows, with each of its samples. @default 0.9995 */
  discount: number;
  /** Told of every reward, for whoever evaluates other policies by this one's decisions. */
  onReward: (rewarded: Rewarded) => void;
  /** Requests whose rewards are waited for; the oldest make room. @default 10000 */
  mostPending: number;
}

const LEARNER_DEFAULTS: LearnerOptions = { weights: REWARD_WEIGHTS, gate: {}, discount: 0.9995, onReward: () => undefined, mostPending: 10_000 };
const VERSION = 1;

/** What has been learnt, as JSON. */
export interface LearnerState {
  version: typeof VERSION;
  sources: Record<QualitySource, { arms: Record<string, RidgeState>; gate: GateState }>;
}

/** What one source of quality has taught. */
class Knowledge {
  readonly arms = new Map<string, Ridge>();
  readonly gate: ServingGate;

  constructor(gate: Partial<GateOptions>) {
    this.gate = new ServingGate(gate);
  }
}

/**
 * Learns what each variant earns in which context, from what becomes of decisions. The reward of a decision is told once per source: from
 * agreement when the steps after it have ended, from live feedback when the user has acted.
 */
export class BanditLearner {
  readonly #options: LearnerOptions;
  readonly #knowledge: Record<QualitySource, Knowledge>;
  /** By request: its decisions. */
  readonly #pending = new Map<string, Pending[]>();

  constructor(over: Partial<LearnerOptions> = {}) {
    this.#options = { ...LEARNER_DEFAULTS, ...over };
    this.#knowledge = { live: new Knowledge(this.#options.gate), agreement: new Knowledge(this.#options.gate) };
  }

  estimate(source: QualitySource, { arm, features }: Pick<Action, 'arm' | 'features'>): Estimate & { weight: number; at: number } {
    const ridge = this.#armOf(source, arm);
    return { ...ridge.estimate(features), weight: ridge.weight, at: ridge.at };
  }

  gain(source: QualitySource): Gain {
    return this.#knowledge[source].gate.gain;
  }

  decided(decided: Decided): void {
    const before = this.#pending.get(decided.requestId) ?? [];
    this.#pending.delete(decided.requestId);
    this.#pending.set(decided.requestId, [...before.filter(({ step }) => step !== decided.step), { ...decided, came: undefined, isTold: false }]);
    if (this.#pending.size > this.#options.mostPending) this.#pending.delete(this.#pending.keys().next().value!);
  }

  /** A step has ended: what it cost, and whether it was late; and how well those before it had foreseen it. */
  returned(outcome: StepOutcome, now: number): void {
    const pending = this.#pending.get(outcome.requestId);
    if (pending === undefined) return;
    const own = pending.find(({ step }) => step === outcome.step);
    if (own !== undefined) this.#cameBack(own, outcome, now);
    for (const before of pending) {
      const end = outcome.previous[before.step];
      if (before === own || before.isTold || end?.kind !== 'completed' || before.came === undefined) continue;
      before.isTold = true;
      this.#learn('agreement', before, qualityBeside(before, end, outcome), now);
    }
  }

  /** Whether the answer was right, as its user's next act shows: every step of it that ran is credited. */
  judged(requestId: string, isRight: boolean, now: number): void {
    const pending = this.#pending.get(requestId);
    if (pending === undefined) return;
    this.#pending.delete(requestId);
    for (const one of pending) if (one.came !== undefined) this.#learn('live', one, isRight ? 1 : 0, now);
  }

  snapshot(): LearnerState {
    const of = ({ arms, gate }: Knowledge) => ({ arms: Object.fromEntries([...arms].map(([arm, ridge]) => [arm, ridge.snapshot()])), gate: gate.snapshot() });
    return { version: VERSION, sources: { live: of(this.#knowledge.live), agreement: of(this.#knowledge.agreement) } };
  }

  /** @returns false: it is of another version or shape; what could not be taken over is learnt anew */
  restore(state: LearnerState): boolean {
    if (state.version !== VERSION) return false;
    let isWhole = true;
    for (const source of QUALITY_SOURCES) {
      const { arms, gate } = state.sources[source];
      for (const [arm, ridge] of Object.entries(arms)) isWhole = this.#armOf(source, arm).restore(ridge) && isWhole;
      isWhole = this.#knowledge[source].gate.restore(gate) && isWhole;
    }
    return isWhole;
  }

  #cameBack(own: Pending, outcome: StepOutcome, now: number): void {
    const isLate = now > own.closesAt;
    const action = own.actions[own.chosen]!;
    if (outcome.kind !== 'completed') {
      // Not the variant's doing where the sender took the request back.
      if (outcome.kind !== 'skipped') this.#failed(own, action, now);
      return;
    }
    const { model, precision, computeMs, batchSize, cached } = outcome.run;
    // An experiment or a stand-in has decided otherwise, or nobody has computed anything.
    if (!action.arm.endsWith(`/${model}.${precision}`) || cached === true) return this.#drop(own);
    own.came = { costMs: computeMs / Math.max(1, batchSize), isLate };
    if (!isLate && hasSuccessor(outcome)) return;
    own.isTold = true;
    this.#learn('agreement', own, action.accuracyShare, now);
  }

  #failed(own: Pending, { costMs }: Action, now: number): void {
    own.came = { costMs, isLate: true };
    for (const source of QUALITY_SOURCES) this.#learn(source, own, 0, now);
    this.#drop(own);
  }

  #drop({ requestId, step }: Pending): void {
    const left = this.#pending.get(requestId)?.filter((one) => one.step !== step) ?? [];
    if (left.length === 0) this.#pending.delete(requestId);
    else this.#pending.set(requestId, left);
  }

  #learn(source: QualitySource, { actions, chosen, propensity, fallback, views, came }: Pending, quality: number, now: number): void {
    const action = actions[chosen]!;
    const reward = rewardOf({ quality, ...came!, joules: action.joules }, this.#options.weights);
    const decision: LoggedDecision = { propensity, chosen, reward, expected: views[source].expected };
    const { learnt } = views[source];
    this.#options.onReward({ source, decision, learnt, fallback, actions });
    this.#knowledge[source].gate.add(decision, learnt, fallback);
    this.#armOf(source, action.arm).learn(action.features, reward, now);
  }

  #armOf(source: QualitySource, arm: string): Ridge {
    const { arms } = this.#knowledge[source];
    const known = arms.get(arm);
    if (known !== undefined) return known;
    const ridge = new Ridge(FEATURES.length, this.#options.discount);
    arms.set(arm, ridge);
    return ridge;
  }
}

function hasSuccessor({ task: { plan }, step }: StepOutcome): boolean {
  return plan.steps.some(({ after }) => after.includes(step));
}

/** How well a step had foreseen the one after it: their agreement; where that was skipped, how sure it was; else what validation says. */
function qualityBeside({ actions, chosen }: Decided, { result }: StepEnd & { kind: 'completed' }, after: StepOutcome): number {
  const known = after.kind === 'completed' ? agreementOf(result, after.result) : after.kind === 'skipped' ? result.confidence : undefined;
  return known ?? actions[chosen]!.accuracyShare;
}
