import { expect, test } from 'vitest';
import { Preloads } from './preloads.ts';

const SECOND = 1_000;

function harness(requestsAt: (second: number) => number) {
  const variant = (precision: string, costMs: number, isLoaded: boolean) => ({ variant: { model: 'large', precision }, costMs, isLoaded, reloadMs: 3_000 });
  const [fp32, int8] = [variant('fp32', 2, true), variant('int8', 1, false)];
  const preloads = new Preloads([fp32, int8], 2);
  const firstNeeded = (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      const needed = preloads.needed(second * SECOND);
      if (needed !== undefined) return { second, needed };
      for (let sent = 0; sent < requestsAt(second); sent += 1) preloads.arrived(fp32);
    }
    return undefined;
  };
  return { firstNeeded, int8 };
}

test('a load that rises towards what is loaded can do wants the cheaper variant, before it is there', () => {
  // Of two sessions 70 % are used by 700 requests of 2 ms a second: at second 70.
  const { firstNeeded, int8 } = harness((second) => 10 * second);
  const found = firstNeeded(100);
  expect(found?.needed).toBe(int8);
  expect(found?.second).toBeGreaterThanOrEqual(60);
  expect(found?.second).toBeLessThanOrEqual(68);
});

test('a load that does not rise wants nothing, however high it is', () => {
  expect(harness(() => 900).firstNeeded(200)).toBeUndefined();
});

test('a load that falls wants nothing', () => {
  expect(harness((second) => Math.max(0, 1_500 - 10 * second)).firstNeeded(150)).toBeUndefined();
});
