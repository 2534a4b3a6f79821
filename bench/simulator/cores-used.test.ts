import { expect, test } from 'vitest';
import { coresBetween, othersTogether, type CpuSnapshot } from './cores-used.ts';

const at = (atMs: number, chain: number, ...threads: [number, number][][]): CpuSnapshot => ({ atMs, processes: { chain }, threads: threads.map((one) => new Map(one)) });

test('of a worker the thread that computes most is its session, all else is beside it', () => {
  const used = coresBetween(at(0, 1, [[7, 10], [8, 5], [9, 1]], [[20, 1], [21, 1]]), at(2_000, 2, [[7, 10.4], [8, 6], [9, 1.2]], [[20, 1.2], [21, 1.6]]));
  expect(used.inference).toBeCloseTo(0.5 + 0.3, 9);
  expect(used.others['chain']).toBeCloseTo(0.5, 9);
  expect(used.others['worker 1']).toBeCloseTo(0.3, 9);
  expect(used.others['worker 2']).toBeCloseTo(0.1, 9);
  expect(othersTogether(used)).toBeCloseTo(0.9, 9);
});

test('a worker that has ended used nothing, as far as can be seen', () => {
  const used = coresBetween(at(0, 1, [[7, 10], [8, 5]]), at(1_000, 1.1, []));
  expect(used).toEqual({ inference: 0, others: { chain: expect.closeTo(0.1, 9), 'worker 1': 0 } });
});
