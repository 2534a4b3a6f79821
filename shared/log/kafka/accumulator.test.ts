import { describe, expect, it } from 'vitest';
import type { TenureState } from '../tenure.ts';
import { Accumulator, type PendingRecord } from './accumulator.ts';

const record = (value: string, bytes = 10): PendingRecord => ({ record: { topic: 't', key: null, value }, bytes, settle: () => undefined });
const all = (): boolean => true;
const values = (records: readonly PendingRecord[]): unknown[] => records.map(({ record: { value } }) => value);

describe('an accumulator', () => {
  it('gathers records by partition, in order', () => {
    const accumulator = new Accumulator();
    for (const value of ['1', '2', '3', '4']) accumulator.push('t', Number(value) % 2, record(value));
    const batches = accumulator.takeBatches(1_000, all);
    expect(batches.map(({ partition, records }) => [partition, values(records)])).toEqual([[1, ['1', '3']], [0, ['2', '4']]]);
    expect(accumulator.empty).toBe(true);
  });

  it('bounds a request by bytes', () => {
    const accumulator = new Accumulator();
    for (let index = 0; index < 10; index++) accumulator.push('t', 0, record(`${index}`));
    const take = (maxBytes: number): number => {
      const [batch] = accumulator.takeBatches(maxBytes, all);
      if (batch !== undefined) accumulator.release(batch);
      return batch?.records.length ?? 0;
    };
    expect([take(25), take(35), take(1_000), take(1_000)]).toEqual([2, 3, 5, 0]);
  });

  it('lets a record through that is larger than a request should be', () => {
    const accumulator = new Accumulator();
    accumulator.push('t', 0, record('large', 5_000));
    expect(accumulator.takeBatches(100, all)[0]?.records).toHaveLength(1);
  });

  it('has one batch of a partition on its way, so that none overtakes another', () => {
    const accumulator = new Accumulator();
    accumulator.push('t', 0, record('1'));
    accumulator.push('t', 0, record('2'));
    const [first] = accumulator.takeBatches(10, all);
    expect(accumulator.takeBatches(1_000, all)).toEqual([]);
    if (first !== undefined) accumulator.release(first);
    expect(accumulator.takeBatches(1_000, all).map(({ records }) => values(records))).toEqual([['2']]);
  });

  it('takes turns among partitions when not all fit', () => {
    const accumulator = new Accumulator();
    for (const partition of [0, 1, 2, 0, 1, 2]) accumulator.push('t', partition, record('x'));
    const order: number[] = [];
    for (let turn = 0; turn < 6; turn++) {
      for (const batch of accumulator.takeBatches(10, all)) {
        order.push(batch.partition);
        accumulator.release(batch);
      }
    }
    expect(order).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('gives up what waits when it is drained, of sparse partitions too', () => {
    const accumulator = new Accumulator();
    accumulator.push('t', 7, record('1'));
    accumulator.push('u', 3, record('2'));
    expect(values(accumulator.drain())).toEqual(['1', '2']);
    expect(accumulator.empty).toBe(true);
  });

  it('holds what is written on the strength of a doubtful tenure, and nothing else', () => {
    const accumulator = new Accumulator();
    const tenure: { state: TenureState } = { state: 'doubtful' };
    accumulator.push('t', 0, { ...record('1'), tenure });
    accumulator.push('t', 1, record('2'));
    expect(accumulator.takeBatches(1_000, all).map(({ partition }) => partition)).toEqual([1]);
    accumulator.push('t', 0, { ...record('3'), tenure });
    expect([accumulator.empty, accumulator.holds]).toEqual([true, true]);
    tenure.state = 'certain';
    accumulator.letGo();
    expect(accumulator.takeBatches(1_000, all).map(({ records }) => values(records))).toEqual([['1', '3']]);
    expect([accumulator.empty, accumulator.holds]).toEqual([true, false]);
  });

  it('puts records of two tenures into two batches, and gives up those of both when it is drained', () => {
    const accumulator = new Accumulator();
    const [before, after]: { state: TenureState }[] = [{ state: 'over' }, { state: 'certain' }];
    const push = () => [before, after].forEach((tenure, index) => accumulator.push('t', 0, { ...record(String(index)), tenure }));
    push();
    const [first] = accumulator.takeBatches(1_000, all);
    expect([values(first?.records ?? []), first?.tenure]).toEqual([['0'], before]);
    accumulator.release(first!);
    expect(accumulator.takeBatches(1_000, all).map(({ tenure }) => tenure)).toEqual([after]);
    push();
    expect(values(accumulator.drain())).toEqual(['0', '1']);
  });
});
