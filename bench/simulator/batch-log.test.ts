import { expect, test } from 'vitest';
import { batchesOf, handOversOf } from './batch-log.ts';
import type { LoggedStep } from './step-log.ts';

const step = (partition: number, size: number, computeMs: number, endedAt: number, dispatchedAt = endedAt - computeMs - 5): LoggedStep =>
  ({ requestId: 'r', partition, arrivedAt: dispatchedAt - 1, dispatchedAt, outcomeAt: endedAt + 1, ran: { size, computeMs, endedAt } });
/** Of a batch of two partitions, so many steps of each. */
const batch = (partitions: readonly number[], each: number, computeMs: number, endedAt: number, dispatchedAt?: number): LoggedStep[] =>
  partitions.flatMap((partition) => Array.from({ length: each }, (_, index) => step(partition, each * partitions.length, computeMs, endedAt + 0.01 * (index % 2), dispatchedAt)));

test('a batch of n is one batch, told of by n steps; like ones one after the other are several', () => {
  const steps = [...batch([0, 1], 2, 10, 100), ...batch([0, 1], 2, 10, 115), step(2, 1, 3, 100), step(3, 1, 3, 100), { requestId: 'r', partition: 0, arrivedAt: 0, dispatchedAt: 1, outcomeAt: 2, ran: undefined }];
  expect(batchesOf(steps).map(({ size, computeMs, beganAt }) => [size, computeMs, beganAt])).toEqual([[4, 10, 90], [1, 3, 97], [1, 3, 97], [4, 10, 105]]);
});

test('a session hands over for as long as it is idle although work had come before its last batch began; workers are told apart by the partitions that meet', () => {
  // Workers of partitions 0 and 2, 1 and 3: a batch of 10 ms every 14 ms, of which the second worker's are 3 ms later.
  const steps = Array.from({ length: 5 }, (_, index) => [...batch([0, 2], 2, 10, 100 + 14 * index, 50), ...batch([1, 3], 2, 10, 103 + 14 * index, 50)]).flat();
  expect(handOversOf(steps)).toHaveLength(8);
  for (const ms of handOversOf(steps)) expect(ms).toBeCloseTo(4, 1);
  const idle = Array.from({ length: 5 }, (_, index) => batch([0, 2], 2, 10, 100 + 14 * index)).flat();
  expect(handOversOf(idle)).toEqual([]);
});
