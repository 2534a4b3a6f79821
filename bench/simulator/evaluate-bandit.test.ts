import { expect, test } from 'vitest';
import { admittedBy, REWARD_WEIGHTS } from '@tandem/shared/core';
import { evaluateBandit, failureOf } from './evaluate-bandit.ts';
import { variantsOfWorld } from './worlds.ts';

const variants = variantsOfWorld().map((variant) => ({ ...variant, lineage: { millisecondsPerRequest: variant.precision === 'fp32' ? { batch1: 1, batch32: 1 } : { batch1: 0.5, batch32: 0.5 } } }));
const FIGURES = { model: 'large', world: 'any', decisions: 10_000, promised: 0.5, standardError: 0.01, earned: 0.5, fallbackEarned: 0.5, missShare: 0, fallbackMissShare: 0 };

test('what was evaluated is let through, with these variants and these rewards and no others', () => {
  const weights = { ...REWARD_WEIGHTS, costPerMs: 0.2 };
  const evaluation = evaluateBandit({ variants, weights, requests: 9_000 });
  expect(evaluation.worlds.map(({ world, failed }) => [world, failed])).toEqual([
    ['each is as good as validated', undefined], ['the light variant is as good', undefined], ['the light variant fails active users', undefined], ['the light variant is worse', undefined],
  ]);
  const asGood = evaluation.worlds.find(({ world }) => world === 'the light variant is as good')!;
  expect(asGood.earned).toBeGreaterThan(asGood.fallbackEarned);
  expect(admittedBy(JSON.stringify(evaluation), weights)).toEqual({ names: new Set(['large.fp32@1', 'large.int8@1']), doubt: undefined });
  expect(admittedBy(JSON.stringify(evaluation), REWARD_WEIGHTS).names.size).toBe(0);
}, 60_000);

test('models of one precision, and those whose times nobody knows, are none to choose among', () => {
  expect(evaluateBandit({ variants: variants.slice(0, 1), weights: REWARD_WEIGHTS })).toMatchObject({ variants: [], worlds: [] });
  expect(evaluateBandit({ variants: variantsOfWorld(), weights: REWARD_WEIGHTS })).toMatchObject({ variants: [], worlds: [] });
});

test('whoever earns less, keeps no promise or misses more may not serve', () => {
  expect(failureOf(FIGURES)).toBeUndefined();
  expect(failureOf({ ...FIGURES, earned: 0.47, promised: 0.47 })).toContain('it earned 0.470 a decision, and deadline-aware 0.500');
  expect(failureOf({ ...FIGURES, promised: 0.6 })).toContain('0.600 a decision was promised');
  expect(failureOf({ ...FIGURES, missShare: 0.01 })).toContain('it missed 1.0 % of the requests');
  expect(failureOf({ ...FIGURES, decisions: 0 })).toContain('never anything to choose');
});
