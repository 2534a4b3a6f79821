import type { Cache } from '@tandem/shared/cache';
import { ManualClock } from '@tandem/shared/clock';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SharedResults } from './shared-results.ts';

const content = ['m', 1, { input: 'a' }];
const key = { content, hash: 1 } as never;
const TEXT = JSON.stringify(content);
const RESULT = { items: [1, 2], scores: [0.5, 0.1] };

/** What a worker makes of a cache that holds this under the key of the content. */
async function readingOf(stored: string) {
  const cache = { get: async () => stored } as unknown as Cache;
  const errors: unknown[] = [];
  const results = new SharedResults({ cache, clock: new ManualClock(1_000), onUnavailable: (error) => errors.push(error) });
  const found = await results.slot(key).get({ oldestAt: 0, dueAt: null });
  expect(errors).toEqual([]);
  return found;
}

test('a stored result is read as it was written', async () => {
  expect(await readingOf(`${TEXT}\n${JSON.stringify([RESULT, 3, 900])}`)).toEqual({ value: { result: RESULT, computeMs: 3 }, storedAt: 900 });
  expect(await readingOf(`${TEXT}x\n${JSON.stringify([RESULT, 3, 900])}`)).toBeUndefined();
});

test('whatever else lies there, whole, cut or foreign, is no result', async () => {
  const whole = `${TEXT}\n${JSON.stringify([RESULT, 3, 900])}`;
  const parts = fc.tuple(fc.jsonValue(), fc.jsonValue(), fc.jsonValue()).filter(([result]) => !(typeof result === 'object' && result !== null && 'items' in result));
  const foreign = fc.oneof(
    fc.string({ unit: 'binary' }), fc.nat(whole.length - 1).map((length) => whole.slice(0, length)), fc.jsonValue().map((value) => `${TEXT}\n${JSON.stringify(value)}`),
    parts.map((value) => `${TEXT}\n${JSON.stringify(value)}`), fc.constantFrom(`${TEXT}\n[null,3,900]`, `${TEXT}\n[[],3,900]`, `${TEXT}\n[{"items":1},3,900]`, `${TEXT}\n[{},3,1e999]`),
  );
  await fc.assert(fc.asyncProperty(foreign, async (stored) => {
    expect(await readingOf(stored)).toBeUndefined();
  }), { numRuns: 500 });
});
