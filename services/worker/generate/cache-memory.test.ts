import type { TensorData } from '@tandem/shared/engine';
import { expect, test } from 'vitest';
import { CacheMemory } from './cache-memory.ts';

const DIMS = [3, 2, 1, 4, 2];
const NUMBERS = 3 * 2 * 4 * 2;

function memory(format: 'fp32' | 'fp16' | 'int8') {
  const shared = (bytes: number) => new SharedArrayBuffer(bytes * NUMBERS);
  const data: TensorData = format === 'fp32' ? new Float32Array(shared(4)) : format === 'fp16' ? new Uint16Array(shared(2)) : new Int8Array(shared(1));
  const scales = format === 'int8' ? { dims: DIMS.slice(0, 4), data: new Float32Array(new SharedArrayBuffer(4 * NUMBERS / 2)) } : undefined;
  const valueAt = (block: number, part: number, position: number, index: number) => {
    const vector = (block * 2 + part) * 4 + position;
    if (data instanceof Uint16Array) return new Float16Array(data.buffer)[vector * 2 + index]!;
    return data[vector * 2 + index]! * (scales?.data[vector] ?? 1);
  };
  return { memory: new CacheMemory(format, { dims: DIMS, data }, scales), valueAt };
}

/** Two rows of three tokens: value = 100 × row + 10 × part + token, and its negative. */
function made() {
  const values: number[] = [];
  for (let row = 0; row < 2; row += 1) for (let part = 0; part < 2; part += 1) for (let token = 0; token < 3; token += 1) values.push(100 * row + 10 * part + token, -(100 * row + 10 * part + token));
  return { dims: [2, 2, 1, 3, 2], data: Float32Array.from(values) };
}

test.each(['fp32', 'fp16', 'int8'] as const)('in %s a row’s tokens lie behind what it has, across blocks, and nowhere else', (format) => {
  const { memory: cache, valueAt } = memory(format);
  expect(cache.write([2, 1], 2, made(), 1, 3)).toBe(true);
  for (const part of [0, 1]) {
    for (const [token, [block, position]] of [[2, 2], [2, 3], [1, 0]].entries()) {
      expect(valueAt(block!, part, position!, 0)).toBeCloseTo(100 + 10 * part + token, 0);
      expect(valueAt(block!, part, position!, 1)).toBeCloseTo(-(100 + 10 * part + token), 0);
    }
    expect([valueAt(0, part, 0, 0), valueAt(2, part, 1, 0), valueAt(1, part, 1, 0)]).toEqual([0, 0, 0]);
  }
  cache.wipe(2);
  expect([valueAt(2, 0, 2, 0), valueAt(2, 1, 3, 1)].map(Math.abs)).toEqual([0, 0]);
  expect(valueAt(1, 1, 0, 0)).toBeCloseTo(112, 0);
});

test.each([['fp32', NaN], ['fp32', Infinity], ['fp16', 70_000], ['int8', NaN]] as const)('in %s nothing is written where a number is %d', (format, bad) => {
  const { memory: cache, valueAt } = memory(format);
  const kv = made();
  kv.data[kv.data.length - 1] = bad;
  expect(cache.write([1], 0, kv, 1, 3)).toBe(false);
  expect(valueAt(1, 0, 1, 0)).toBe(0);
  expect(cache.write([1], 0, kv, 0, 3)).toBe(true);
});

test('memory of another kind than was asked for is refused', () => {
  expect(() => new CacheMemory('fp32', { dims: DIMS, data: new Int8Array(NUMBERS) })).toThrow(TypeError);
  expect(() => new CacheMemory('int8', { dims: DIMS, data: new Int8Array(NUMBERS) })).toThrow(TypeError);
});
