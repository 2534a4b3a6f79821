import { expect, test } from 'vitest';
import { learnInWorld } from './learning.ts';
import { WORLDS } from './worlds.ts';

test.each(WORLDS)('$name: what off-policy evaluation promises is what is earned when it serves; only what earns more is let through, and none of it is late', (world) => {
  const [base, bandit] = learnInWorld(world, { seconds: 15 });
  for (const { doublyRobust, standardError, earned } of [base!, bandit!]) expect(Math.abs(doublyRobust - earned)).toBeLessThan(4 * standardError + 0.02);
  const isWorse = world.right('int8', 0.5) < 0.45;
  expect(bandit!.earned - base!.earned).toBeGreaterThan(isWorse ? -0.02 : 0.005);
  if (isWorse) expect(bandit!.meanAccuracy).toBeGreaterThan(0.999);
  expect(bandit!.missShare).toBeLessThan(base!.missShare + 0.005);
}, 60_000);
