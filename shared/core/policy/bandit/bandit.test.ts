import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Variant } from '@tandem/schemas';
import { seededRandom } from '../../../random/index.ts';
import { decide } from '../decide.ts';
import { deadlineAwarePolicy } from '../deadline-aware.ts';
import type { Decision } from '../types.ts';
import { banditPolicy, readPropensity, type BanditOptions } from './bandit-policy.ts';
import { BanditLearner } from './learner.ts';
import { CALM, clusterOf, FP32, INT8, outcomeOf, task, variant, type Times } from './testing.ts';

type Dispatch = Decision & { kind: 'dispatch' };
const COSTS = { fp32: 2, int8: 1 } as const;
const COST_PER_MS = 0.15;

interface World {
  /** How often an answer is right, by precision and the user's activity. */
  right: (precision: string, activity: number) => number;
  seed?: number;
  times?: Times;
}

/** Requests one after the other, each answered and judged; with what each decision's mean reward was below the best one's. */
function run(rounds: number, { right, seed = 1, times = CALM }: World, over: Partial<BanditOptions> = {}) {
  const learner = over.learner ?? new BanditLearner({ weights: { costPerMs: COST_PER_MS, lateness: 1, perJoule: 0 } });
  const policy = banditPolicy({ random: seededRandom(seed, 'lots'), ...over, learner });
  const world = seededRandom(seed, 'world');
  const cluster = clusterOf(times);
  const worth = (precision: string, activity: number) => right(precision, activity) - COST_PER_MS * COSTS[precision as 'fp32'];
  const decisions: Dispatch[] = [];
  const regrets: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const activity = world();
    const asked = task(`r${round}`, { activity });
    const decision = decide(policy, { task: asked, step: asked.plan.steps[0]!, previous: {}, now: 0, cluster }) as Dispatch;
    decisions.push(decision);
    regrets.push(Math.max(worth('fp32', activity), worth('int8', activity)) - worth(decision.precision, activity));
    policy.returned!(outcomeOf(asked, decision, COSTS[decision.precision as 'fp32']), 10);
    policy.judged!(asked.requestId, world() < right(decision.precision, activity), 20);
  }
  return { learner, policy, decisions, regrets };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
/** The light variant is as good for users of whom little is known, and fails for the others. */
const DEPENDS: World['right'] = (precision, activity) => (precision === 'fp32' ? 0.6 : 0.75 - 0.6 * activity);

test('its regret falls to what exploring costs where the better variant depends on the user, far below the fallback’s', () => {
  const { regrets, decisions } = run(12_000, { right: DEPENDS });
  const late = regrets.slice(-3_000);
  // deadline-aware takes the most accurate of those in time: always fp32.
  const always = mean(run(3_000, { right: DEPENDS }, { fewest: Infinity, explore: 0 }).regrets);
  expect(always).toBeGreaterThan(0.06);
  expect(mean(late)).toBeLessThan(0.3 * always);
  expect(new Set(decisions.slice(-3_000).map(({ precision }) => precision))).toEqual(new Set(['fp32', 'int8']));
});

test('where the light variant is as good everywhere, it ends at the light one', () => {
  const { decisions } = run(6_000, { right: () => 0.5 });
  expect(decisions.slice(-500).filter(({ precision }) => precision === 'int8').length).toBeGreaterThan(450);
});

test('as long as it is unsure, deadline-aware decides, but for what is drawn by lot', () => {
  const { decisions } = run(2_000, { right: DEPENDS }, { fewest: Infinity });
  const drawn = decisions.filter(({ reason }) => reason.includes('drawn by lot'));
  expect(drawn.length / decisions.length).toBeCloseTo(0.1, 1);
  for (const { precision, reason } of decisions) if (!reason.includes('drawn by lot')) expect([precision, reason]).toEqual(['fp32', expect.stringContaining('unsure')]);
});

test('it does not serve what it has learnt before that has been shown to earn no less, however sure it is', () => {
  const { learner } = run(400, { right: () => 0.5 });
  expect(learner.estimate('live', { arm: 'w/fine/large.int8', features: [1, 0, 0, 0, 0, 0] }).weight).toBeGreaterThan(0);
  const next = (over: Partial<BanditOptions>) => run(1, { right: () => 0.5, seed: 9 }, { learner, explore: 0, fewest: 1, widest: Infinity, ...over }).decisions[0]!;
  expect(next({}).reason).toContain('not yet shown to be better');
  expect(next({}).precision).toBe('fp32');
});

test('estimates that are old or wide do not count', () => {
  const { learner } = run(6_000, { right: () => 0.5 });
  const at = (now: number, over: Partial<BanditOptions> = {}) => {
    const asked = task('later', { deadlineAt: now + 100 });
    const policy = banditPolicy({ learner, random: () => 0.99, ...over });
    return decide(policy, { task: asked, step: asked.plan.steps[0]!, previous: {}, now, cluster: clusterOf(CALM) }) as Dispatch;
  };
  expect(at(100)).toMatchObject({ precision: 'int8', reason: expect.stringContaining('worth most of 2 in time by live') });
  expect(at(700_000)).toMatchObject({ precision: 'fp32', reason: expect.stringContaining('nothing heard for long') });
  expect(at(100, { widest: 1e-6 })).toMatchObject({ precision: 'fp32', reason: expect.stringMatching(/unsure \(±/) });
});

test('the same numbers give the same decisions; what was learnt goes on from a snapshot', () => {
  const first = run(3_000, { right: DEPENDS });
  const state = JSON.parse(JSON.stringify(first.learner.snapshot())) as ReturnType<BanditLearner['snapshot']>;
  expect(run(3_000, { right: DEPENDS }).decisions).toEqual(first.decisions);
  const weights = { weights: { costPerMs: COST_PER_MS, lateness: 1, perJoule: 0 } };
  const restored = new BanditLearner(weights);
  expect(restored.restore(state)).toBe(true);
  const goOn = (learner: BanditLearner) => run(200, { right: DEPENDS, seed: 2 }, { learner }).decisions;
  expect(goOn(restored)).toEqual(goOn(first.learner));
});

test('a state of another shape is not taken over', () => {
  const { learner } = run(10, { right: DEPENDS });
  const state = learner.snapshot();
  const [name, ridge] = Object.entries(state.sources.live.arms)[0]!;
  expect(new BanditLearner().restore({ ...state, sources: { ...state.sources, live: { ...state.sources.live, arms: { [name]: { ...ridge, moments: [1] } } } } })).toBe(false);
  expect(new BanditLearner().restore({ ...state, version: 2 as 1 })).toBe(false);
});

const times = fc.record({ queue: fc.double({ min: 0, max: 120, noNaN: true }), compute: fc.double({ min: 0.1, max: 120, noNaN: true }), cost: fc.double({ min: 0.1, max: 50, noNaN: true }) });
const HALF = variant('large', 'fp16', 0.97);

/** All variants that deadline-aware takes when each of the dearer ones is left out in turn: what it holds to be in time. */
function allowed(byVariant: ReadonlyMap<Variant, { queue: number; compute: number; cost: number }>, floor: number | null): Set<string> {
  const all = [...byVariant.keys()];
  const best = Math.max(...all.map(({ accuracy }) => accuracy.value));
  const within = all.filter(({ accuracy }) => accuracy.value >= (floor ?? 0) * best);
  const cheapest = within.reduce((least, one) => (byVariant.get(one)!.cost < byVariant.get(least)!.cost ? one : least));
  return new Set(within.filter((one) => {
    const { queue, compute } = byVariant.get(one)!;
    return queue + compute + 1 <= (one === cheapest ? 100 : 0.6 * 100);
  }).map(({ precision }) => precision));
}

test('whatever it explores and has learnt, no floor is broken and nothing is taken that deadline-aware would hold to be late', () => {
  const learnt = run(3_000, { right: () => 0.5 }).learner;
  fc.assert(fc.property(fc.tuple(times, times, times), fc.option(fc.constantFrom(0.85, 0.95, 0.99)), fc.integer(), fc.double({ min: 0, max: 1, noNaN: true }), ([a, b, c], accuracyFloor, seed, explore) => {
    fc.pre(new Set([a.cost, b.cost, c.cost]).size === 3);
    const byVariant = new Map([[FP32, a], [INT8, b], [HALF, c]]);
    const policy = banditPolicy({ learner: learnt, random: seededRandom(seed, 'lots'), explore });
    const asked = task('r', { accuracyFloor });
    const context = { task: asked, step: asked.plan.steps[0]!, previous: {}, now: 0, cluster: clusterOf(byVariant) };
    const [decision, base] = [decide(policy, context), decide(deadlineAwarePolicy(), context)];
    // What it does not hold to be in time it neither dispatches nor refuses otherwise than deadline-aware.
    expect(decision.kind).toBe(base.kind);
    if (decision.kind !== 'dispatch' || readPropensity(decision.reason) === undefined) expect(decision).toEqual(base);
    else expect([...allowed(byVariant, accuracyFloor)]).toContain(decision.precision);
  }), { numRuns: 400 });
});

test('propensities are on record, and are those by which was drawn', () => {
  const { decisions } = run(20_000, { right: () => 0.5 }, { fewest: Infinity, explore: 0.2 });
  const light = decisions.filter(({ precision }) => precision === 'int8');
  expect(readPropensity(light[0]!.reason)).toBeCloseTo(0.1, 6);
  expect(light.length / decisions.length).toBeCloseTo(0.1, 2);
  expect(readPropensity('deadline-aware: best of 2')).toBeUndefined();
});
