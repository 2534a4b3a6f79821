import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ClassScores, Plan, PlanStep, RankedItems, StepEnd, StepOutcome, StrategyName, Task } from '@tandem/schemas';
import { Join } from './join.ts';
import { STRATEGIES } from './strategies.ts';

function step(id: string, over: Partial<PlanStep> = {}): PlanStep {
  return { id, role: 'member', model: `model-${id}`, after: [], required: false, ...over };
}

function task(steps: PlanStep[], strategy: StrategyName = 'rerank'): Task {
  return {
    requestId: 'r1', workload: 'w', key: 'k', lane: 'interactive', task: 'full', tier: 'standard', arrivedAt: 0, deadlineAt: null,
    accuracyFloor: null, activity: 0, input: {}, source: 'requests/0/0', marks: [], plan: { id: 'full', strategy, steps },
  };
}

function outcome(step: string, end: StepEnd, previous: StepOutcome['previous'] = {}): StepOutcome {
  return { requestId: 'r1', step, task: coarseThenFine(), previous, ...end };
}

function end(id: string, result: RankedItems | ClassScores): StepEnd {
  const run = { model: `model-${id}`, precision: 'fp32', version: '1', batchSize: 1, queueMs: 0, computeMs: 1, reason: 'test' };
  return { kind: 'completed', run, result };
}

const completed = (id: string, result: RankedItems | ClassScores): StepOutcome => outcome(id, end(id, result));

const list = (...items: number[]): RankedItems => ({ items, scores: items.map((_, index) => 10 - index) });
const coarseThenFine = () => task([step('coarse'), step('fine', { after: ['coarse'] })]);

describe('a join', () => {
  test('is complete when every step has an outcome, in any order', () => {
    const join = new Join(coarseThenFine());
    join.add(completed('fine', list(2, 1)));
    expect(join.complete).toBe(false);
    join.add(completed('coarse', list(1, 2)));
    expect(join.complete).toBe(true);
    expect(join.verdict()).toMatchObject({ status: 'complete', result: { items: [2, 1] } });
  });

  test('is complete from the last outcome alone, which brings along what came before', () => {
    const join = new Join(coarseThenFine());
    join.add(outcome('fine', end('fine', list(2, 1)), { coarse: end('coarse', list(1, 2, 3)) }));
    expect(join.complete).toBe(true);
    expect(join.verdict()).toMatchObject({ status: 'complete', result: { items: [2, 1, 3] }, steps: [{ step: 'coarse' }, { step: 'fine' }] });
  });

  test('at its deadline answers degraded with the candidates alone', () => {
    const join = new Join(coarseThenFine());
    join.add(completed('coarse', list(5, 6)));
    expect(join.verdict()).toMatchObject({ status: 'degraded', reason: 'deadline', result: { items: [5, 6] } });
  });

  test('a skipped step is a decision and leaves the answer complete', () => {
    const join = new Join(task([step('coarse'), step('fine', { after: ['coarse'] })], 'cascade'));
    join.add(completed('coarse', list(5)));
    join.add(outcome('fine', { kind: 'skipped', reason: 'confidence 0.97 ≥ 0.95' }));
    expect(join.verdict()).toMatchObject({ status: 'complete', result: { items: [5] } });
    expect(join.verdict().steps[1]).toMatchObject({ step: 'fine', batchSize: 0, reason: 'skipped: confidence 0.97 ≥ 0.95' });
  });

  test('a failed step degrades, and fails where it was required', () => {
    const failed = outcome('fine', { kind: 'failed', code: 'step_failed', message: 'bad input' });
    const degraded = new Join(coarseThenFine());
    degraded.add(completed('coarse', list(1)));
    degraded.add(failed);
    expect(degraded.verdict()).toMatchObject({ status: 'degraded', reason: 'step_failed', error: { code: 'step_failed' } });
    const required = new Join(task([step('coarse'), step('fine', { after: ['coarse'], required: true })]));
    required.add(completed('coarse', list(1)));
    required.add(failed);
    expect(required.verdict()).toMatchObject({ status: 'failed', result: undefined });
  });

  test('takes the first completed outcome of a step; a redelivered or late one changes nothing', () => {
    const join = new Join(task([step('a')], 'cascade'));
    join.add(outcome('a', { kind: 'failed', code: 'step_failed', message: 'first try' }));
    join.add(completed('a', list(1)));
    join.add(completed('a', list(2)));
    expect(join.verdict()).toMatchObject({ status: 'complete', result: { items: [1] } });
  });

  test('waits for both of two parallel members and averages them', () => {
    const join = new Join(task([step('left', { part: 1, of: 2 }), step('right', { part: 2, of: 2 })], 'average'));
    const labels = ['cat', 'dog'];
    join.add(completed('left', { labels, probabilities: [0.9, 0.1] }));
    expect(join.complete).toBe(false);
    join.add(completed('right', { labels, probabilities: [0.2, 0.8] }));
    const { result } = join.verdict();
    expect(result).toMatchObject({ labels });
    expect((result as ClassScores).probabilities[0]).toBeCloseTo(0.55, 10);
  });
});

describe('strategies', () => {
  const merge = (strategy: StrategyName, plan: Partial<Plan>, ...results: RankedItems[]) =>
    mergeTop(strategy, plan, Infinity, ...results);
  const mergeTop = (strategy: StrategyName, plan: Partial<Plan>, wanted: number, ...results: RankedItems[]) =>
    STRATEGIES[strategy](results.map((result, index) => ({ step: step(`s${index}`), result })), { id: 'p', strategy, steps: [], ...plan }, wanted) as RankedItems;

  test('rerank puts the ranking first and keeps what it left out, below', () => {
    const merged = merge('rerank', {}, list(1, 2, 3, 4), list(3, 1));
    expect(merged.items).toEqual([3, 1, 2, 4]);
  });

  test('reciprocal rank fusion gives the published scores', () => {
    const merged = merge('reciprocal-rank', {}, list(1, 2), list(2, 3));
    expect(merged.items).toEqual([2, 1, 3]);
    expect(merged.scores[0]).toBeCloseTo(1 / 62 + 1 / 61, 12);
  });

  test('weighted blend follows the weights', () => {
    expect(merge('weighted-blend', { weights: { s0: 1, s1: 0.1 } }, list(1, 2, 3), list(3, 2, 1)).items[0]).toBe(1);
    expect(merge('weighted-blend', { weights: { s0: 0.1, s1: 1 } }, list(1, 2, 3), list(3, 2, 1)).items[0]).toBe(3);
  });

  const lists = fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { maxLength: 20 }).map((items) => list(...items)), { minLength: 1, maxLength: 4 });

  test.each(['rerank', 'reciprocal-rank', 'weighted-blend'] as const)('%s loses no item, doubles none, and keeps scores in order', (strategy) => {
    fc.assert(fc.property(lists, (all) => {
      const merged = merge(strategy, {}, ...all);
      const union = new Set(all.flatMap(({ items }) => items));
      expect(new Set(merged.items)).toEqual(union);
      expect(merged.items.length).toBe(union.size);
      for (let i = 1; i < merged.scores.length; i += 1) expect(merged.scores[i]!).toBeLessThanOrEqual(merged.scores[i - 1]!);
    }));
  });

  test('what is shown of a merged list does not depend on how much of it is shown', () => {
    const strategies = fc.constantFrom('rerank' as const, 'reciprocal-rank' as const, 'weighted-blend' as const);
    fc.assert(fc.property(strategies, fc.integer({ min: 1, max: 25 }), lists, (strategy, wanted, all) => {
      const [whole, top] = [merge(strategy, {}, ...all), mergeTop(strategy, {}, wanted, ...all)];
      expect(top.items.slice(0, wanted)).toEqual(whole.items.slice(0, wanted));
      expect(top.scores.slice(0, wanted)).toEqual(whole.scores.slice(0, wanted));
    }));
  });
});
