import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PrefixPool } from './prefix-pool.ts';

const [SLOTS, LAYERS, HEADS, POSITIONS, WIDTH] = [3, 2, 2, 6, 4];

function tensor(dims: readonly number[], value: (index: number) => number = () => 0) {
  const length = dims.reduce((product, size) => product * size, 1);
  return { dims, data: Float32Array.from({ length }, (_, index) => value(index)) };
}

const poolTensor = () => tensor([SLOTS, LAYERS, HEADS, POSITIONS, WIDTH]);
/** What a model would give for a token: different for every row, part, position and place. */
const valueAt = (row: number, part: number, position: number, place: number) => 1 + row * 1_000 + part * 100 + position * 10 + place;

function kvOf(batch: number, length: number) {
  return tensor([batch, LAYERS, HEADS, length, WIDTH], (index) => {
    const place = index % WIDTH;
    const position = Math.floor(index / WIDTH) % length;
    const part = Math.floor(index / (WIDTH * length)) % (LAYERS * HEADS);
    return valueAt(Math.floor(index / (WIDTH * length * LAYERS * HEADS)), part, position, place);
  });
}

function readSlot(data: Float32Array, slot: number, part: number, position: number): number[] {
  const from = ((slot * LAYERS * HEADS + part) * POSITIONS + position) * WIDTH;
  return [...data.subarray(from, from + WIDTH)];
}

test('a prefix and the steps after it lie where the graph looks for them, and nowhere else', () => {
  fc.assert(fc.property(fc.nat(SLOTS - 1), fc.nat(2), fc.integer({ min: 1, max: POSITIONS - 1 }), (slot, row, length) => {
    const memory = poolTensor();
    const pool = new PrefixPool(memory);
    expect(pool.writePrefix(slot, kvOf(3, POSITIONS - 1), row, length)).toBe(true);
    expect(pool.writeStep(slot, tensor([3, LAYERS, HEADS, WIDTH], (index) => -1 - index), row, length)).toBe(true);
    for (let other = 0; other < SLOTS; other += 1) {
      for (let part = 0; part < LAYERS * HEADS; part += 1) {
        for (let position = 0; position < POSITIONS; position += 1) {
          const stepped = (row * LAYERS * HEADS + part) * WIDTH;
          const expected = Array.from({ length: WIDTH }, (_, place) => {
            if (other !== slot || position > length) return 0;
            return position === length ? -1 - stepped - place : valueAt(row, part, position, place);
          });
          expect(readSlot(memory.data, other, part, position)).toEqual(expected);
        }
      }
    }
  }), { numRuns: 50 });
});

test.each([NaN, Infinity, -Infinity])('nothing is written of numbers among which is %s, in whichever place', (bad) => {
  const memory = poolTensor();
  const pool = new PrefixPool(memory);
  for (const at of [0, 7, LAYERS * HEADS * WIDTH - 1]) {
    const step = tensor([1, LAYERS, HEADS, WIDTH], (index) => (index === at ? bad : 1));
    expect(pool.writeStep(0, step, 0, 2)).toBe(false);
  }
  const prefix = kvOf(2, 5);
  prefix.data[prefix.data.length / 2 + 3 * 5 * WIDTH + 2] = bad;
  expect(pool.writePrefix(0, prefix, 1, 3)).toBe(false);
  expect(memory.data.every((value) => value === 0)).toBe(true);
  // Padding behind the row's own length is nobody's business.
  expect(pool.writePrefix(0, prefix, 0, 3)).toBe(true);
});

test('a wiped slot is empty, its neighbours are not', () => {
  const memory = tensor([SLOTS, LAYERS, HEADS, POSITIONS, WIDTH], () => 5);
  const pool = new PrefixPool(memory);
  pool.wipe(1);
  expect(readSlot(memory.data, 1, 3, POSITIONS - 1)).toEqual([0, 0, 0, 0]);
  expect(readSlot(memory.data, 0, 3, POSITIONS - 1)).toEqual([5, 5, 5, 5]);
  expect(readSlot(memory.data, 2, 0, 0)).toEqual([5, 5, 5, 5]);
  expect(memory.data.filter((value) => value === 0)).toHaveLength(pool.slotBytes / 4);
});

test('only float32 memory is taken', () => {
  expect(() => new PrefixPool({ dims: [1, 1, 1], data: new Int32Array(1) })).toThrow('float32');
});
