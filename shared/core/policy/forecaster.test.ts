import { expect, test } from 'vitest';
import type { Heartbeat, Variant, VariantLoad } from '@tandem/schemas';
import { Cluster } from './cluster.ts';
import type { Forecast } from './types.ts';

const variant = (precision: string): Variant => ({
  model: 'large', precision, version: '1', status: 'stable', adapter: 'recommend', graphs: {}, limits: {}, lineage: {},
  accuracy: { metric: 'ndcgAt10', value: 0.2, others: {}, data: 'test', date: '2026-01-01' },
});
const load = (precision: string, over: Partial<VariantLoad> = {}): VariantLoad => ({
  model: 'large', precision, version: '1', queued: 0, running: 0, completed: 0, failed: 0, meanBatchSize: 1, meanBatchMs: 1,
  batchTimes: [{ size: 1, ms: 2, samples: 50 }, { size: 32, ms: 33, samples: 50 }], ...over,
});

function beat(over: Partial<Heartbeat> = {}): Heartbeat {
  return { kind: 'worker', instance: 'a', time: 0, sessions: 2, resources: { time: 0, cpuCores: 2, memoryBytes: 1, memoryFreeBytes: 1 }, variants: [load('fp32'), load('int8')], ...over };
}

function harness(...beats: Heartbeat[]) {
  const cluster = new Cluster({ variants: [variant('fp32'), variant('int8')], startedAt: 0 });
  for (const one of beats) cluster.beat(one, 0);
  const forecast = (precision = 'fp32', tier = 'standard', now = 0): Forecast | undefined => {
    const state = cluster.state(now);
    return state.forecast(state.variantsOf('large').find((known) => known.variant.precision === precision && known.workers > 0)!, tier);
  };
  let number = 0;
  const dispatch = (count: number, precision = 'fp32', tier = 'standard') => {
    for (let index = 0; index < count; index += 1) {
      cluster.dispatched({ requestId: `r${(number += 1)}`, step: 'fine', model: 'large', precision, lane: 'interactive', tier, dispatchedAt: 0, forecast: forecast(precision, tier) });
    }
  };
  const back = (first: number, last: number, run: { queueMs: number; computeMs: number }, now: number) => {
    for (let index = first; index <= last; index += 1) cluster.returned({ kind: 'completed', requestId: `r${index}`, step: 'fine', run: { model: 'large', precision: 'fp32', version: '1', batchSize: 1, reason: '', ...run } } as never, now);
  };
  return { cluster, forecast, dispatch, back };
}

test('an idle worker runs a request at once, and the ways there and back are learnt', () => {
  const { forecast, dispatch, back } = harness(beat());
  expect(forecast()).toMatchObject({ backlogMs: 0, queueMs: 0, computeMs: 2, costMs: 2 });
  for (let index = 1; index <= 100; index += 1) {
    dispatch(1);
    back(index, index, { queueMs: 3, computeMs: 2 }, 9);
  }
  const { queueMs, returnMs, deviationMs } = forecast('fp32', 'standard', 9)!;
  expect(queueMs).toBeCloseTo(3, 1);
  expect(returnMs).toBeCloseTo(4, 1);
  expect(deviationMs).toBeLessThan(1);
});

test('what is dispatched counts at once, whatever its precision, since sessions are shared', () => {
  const { forecast, dispatch } = harness(beat());
  dispatch(64, 'int8');
  // Batches of 32 on two sessions: 33 ms for each.
  expect(forecast('fp32')!.backlogMs).toBeCloseTo(33, 0);
});

test('what other schedulers have there shows in the heartbeats, once they agree about it', () => {
  const busy = beat({ variants: [load('fp32', { queued: 50, running: 14 }), load('int8')] });
  const { cluster, forecast } = harness(beat(), busy);
  expect(forecast()!.backlogMs).toBe(0);
  for (const now of [500, 1_000, 1_500]) cluster.beat(busy, now);
  expect(forecast('fp32', 'standard', 1_500)!.backlogMs).toBeCloseTo(33, 0);
});

test('what this scheduler has under way is not counted twice when heartbeats report it', () => {
  const { cluster, forecast, dispatch } = harness(beat());
  dispatch(64);
  for (const now of [500, 1_000, 1_500]) cluster.beat(beat({ variants: [load('fp32', { queued: 50, running: 14 }), load('int8')] }), now);
  expect(forecast('fp32', 'standard', 1_500)!.backlogMs).toBeCloseTo(33, 0);
});

test('bulk that waits delays nobody', () => {
  const { cluster, forecast } = harness();
  for (const now of [0, 500, 1_000]) cluster.beat(beat({ variants: [load('fp32', { queued: 900, bulkBacklog: 900 }), load('int8')] }), now);
  expect(forecast('fp32', 'standard', 1_000)!.backlogMs).toBe(0);
});

test('what waits beside bulk that is still in the log delays as without it', () => {
  const { cluster, forecast } = harness();
  const after = (over: Partial<VariantLoad>, from: number) => {
    for (const now of [0, 500, 1_000]) cluster.beat(beat({ variants: [load('fp32', { queued: 64, ...over }), load('int8')] }), from + now);
    return forecast('fp32', 'standard', from + 1_000)!.backlogMs;
  };
  const alone = after({}, 0);
  expect(alone).toBeGreaterThan(0);
  expect(after({ queued: 94, bulkQueued: 30, bulkBacklog: 900 }, 1_500)).toBe(alone);
});

test('a tier of larger weight waits only for its own share', () => {
  const { forecast, dispatch } = harness(beat());
  dispatch(60, 'fp32', 'standard');
  dispatch(4, 'fp32', 'vip');
  expect(forecast('fp32', 'vip')!.backlogMs).toBeLessThan(0.2 * forecast('fp32', 'standard')!.backlogMs);
  expect(forecast('fp32', 'stranger')!.backlogMs).toBe(forecast('fp32', 'standard')!.backlogMs);
});

test('more workers wait less, and one that has gone no longer counts', () => {
  const { cluster, forecast, dispatch } = harness(beat(), beat({ instance: 'b' }));
  dispatch(64);
  const two = forecast()!.backlogMs;
  cluster.heard('b', null, 10);
  expect(forecast()!.backlogMs).toBeGreaterThan(1.7 * two);
});

test('times that rest on too few batches are not trusted', () => {
  const few = [{ size: 1, ms: 2, samples: 2 }];
  const { forecast } = harness(beat({ variants: [load('fp32', { batchTimes: few }), load('int8')] }));
  expect(forecast('fp32')).toBeUndefined();
  expect(forecast('int8')).toBeDefined();
});

test('waits that are longer than the backlog says are expected to be longer next time, until there has been no news for a while', () => {
  const { cluster, forecast, dispatch, back } = harness(beat());
  for (let round = 0; round < 20; round += 1) {
    dispatch(64);
    back(64 * round + 1, 64 * round + 64, { queueMs: 100, computeMs: 33 }, 140);
  }
  dispatch(64);
  const { backlogMs, queueMs, computeMs } = forecast('fp32', 'standard', 140)!;
  expect(queueMs).toBeGreaterThan(2 * backlogMs);
  cluster.beat(beat(), 10_140);
  expect(forecast('fp32', 'standard', 10_140)!.soonestMs).toBeLessThan(1.1 * (backlogMs + computeMs));
});

test('work that never comes back is forgotten', () => {
  const { cluster, forecast, dispatch } = harness(beat());
  dispatch(64);
  cluster.beat(beat(), 31_000);
  expect(forecast('fp32', 'standard', 31_000)!.backlogMs).toBe(0);
});

test('what is not in memory has to be loaded first, in the mean over the workers that serve it', () => {
  const { forecast } = harness(beat({ variants: [load('fp32', { unloaded: { reloadMs: 80 } }), load('int8')] }), beat({ instance: 'b' }));
  expect(forecast('fp32')).toMatchObject({ backlogMs: 0, queueMs: 40, soonestMs: 42, reloadMs: 40 });
  expect(forecast('int8')).toMatchObject({ queueMs: 0, soonestMs: 2 });
});

test('another precision than the one that has the user’s prefix costs what building it anew does', () => {
  const prefixes = { hits: 9, misses: 1, bypassed: 0, missMs: 5 };
  const { cluster } = harness(beat({ variants: [load('fp32', { prefixes }), load('int8', { prefixes })] }));
  const costs = (key: string, now = 0) => {
    const state = cluster.state(now);
    return ['fp32', 'int8'].map((precision) => state.forecast(state.variantsOf('large').find(({ variant: { precision: one } }) => one === precision)!, 'standard', key)?.costMs);
  };
  expect(costs('user')).toEqual([2, 2]);
  cluster.dispatched({ requestId: 'r', step: 'fine', model: 'large', precision: 'int8', lane: 'interactive', tier: 'standard', key: 'user', dispatchedAt: 0, forecast: undefined });
  cluster.returned({ kind: 'expired', requestId: 'r', step: 'fine' }, 1);
  expect(costs('user')).toEqual([7, 2]);
  expect(costs('other')).toEqual([2, 2]);
  cluster.beat(beat({ variants: [load('fp32', { prefixes }), load('int8', { prefixes })] }), 600_000);
  expect(costs('user', 600_000)).toEqual([2, 2]);
});

test('a step that came back is held against what was expected of it, and what cannot be is not', () => {
  const { cluster, dispatch } = harness(beat());
  const run = { model: 'large', precision: 'fp32', version: '1', batchSize: 4, queueMs: 3, computeMs: 6, reason: '' };
  const back = (requestId: string, over = {}) => cluster.returned({ kind: 'completed', requestId, step: 'fine', run: { ...run, ...over } } as never, 30);
  dispatch(3);
  expect(back('r1')).toEqual({ variant: 'large.fp32', expectedMs: expect.any(Number), actualMs: 30 });
  expect(back('r1')).toBeUndefined();
  expect(back('r2', { cached: true })).toBeUndefined();
  expect(cluster.returned({ kind: 'expired', requestId: 'r3', step: 'fine' }, 30)).toBeUndefined();
  expect(back('stranger')).toBeUndefined();
});

test('what a step took of its session is energy where all machines say what they take, and unknown elsewhere', () => {
  const measured = { time: 0, cpuCores: 2, memoryBytes: 1, memoryFreeBytes: 1, cpuUse: 1, powerWatts: 40 };
  const run = { model: 'large', precision: 'fp32', version: '1', batchSize: 4, queueMs: 3, computeMs: 6, reason: '' };
  const joules = (...beats: Heartbeat[]) => {
    const { cluster, dispatch } = harness(...beats);
    dispatch(1);
    return cluster.returned({ kind: 'completed', requestId: 'r1', step: 'fine', run } as never, 30)!.joules;
  };
  // One busy core takes 20 W; a quarter of a batch of 6 ms.
  expect(joules(beat({ resources: measured }))).toBeCloseTo(0.03, 9);
  expect(joules(beat({ resources: measured }), beat({ instance: 'b' }))).toBeUndefined();
  expect(joules(beat())).toBeUndefined();
});

test('a user’s prefix that has to be built anew costs energy too', () => {
  const prefixes = { hits: 9, misses: 1, bypassed: 0, missMs: 6 };
  const resources = { time: 0, cpuCores: 2, memoryBytes: 1, memoryFreeBytes: 1, cpuUse: 1, powerWatts: 40 };
  const { cluster } = harness(beat({ resources, variants: [load('fp32', { prefixes }), load('int8', { prefixes })] }));
  cluster.dispatched({ requestId: 'r', step: 'fine', model: 'large', precision: 'int8', lane: 'interactive', tier: 'standard', key: 'user', dispatchedAt: 0, forecast: undefined });
  const [state] = cluster.state(0).variantsOf('large');
  cluster.returned({ kind: 'expired', requestId: 'r', step: 'fine' }, 1);
  expect(cluster.state(0).forecast(state!, 'standard', 'other')).toMatchObject({ costMs: 2, joules: 0.04 });
  expect(cluster.state(0).forecast(state!, 'standard', 'user')).toMatchObject({ costMs: 8, joules: 0.16 });
});

test('a worker that has only run large batches says nothing of what small ones take', () => {
  const small = beat({ variants: [load('int8', { batchTimes: [{ size: 1, ms: 3, samples: 30 }, { size: 2, ms: 6, samples: 7 }] })] });
  const large = beat({ instance: 'b', variants: [load('int8', { batchTimes: [{ size: 31, ms: 83, samples: 3 }] })] });
  for (const beats of [[small, large], [large, small]]) expect(harness(...beats).forecast('int8')).toMatchObject({ computeMs: 3, costMs: 3 });
});

test('waits that were short because others’ work expired are no promise that the next will be', () => {
  const { cluster, forecast, dispatch, back } = harness(beat());
  dispatch(90);
  back(1, 40, { queueMs: 4, computeMs: 30 }, 50);
  const trusting = forecast('fp32', 'standard', 50)!;
  expect(trusting.soonestMs - trusting.computeMs).toBeLessThan(0.9 * trusting.backlogMs);
  for (let index = 41; index <= 50; index += 1) cluster.returned({ kind: 'expired', requestId: `r${index}`, step: 'fine' }, 50);
  const wiser = forecast('fp32', 'standard', 50)!;
  expect(wiser.soonestMs - wiser.computeMs).toBeGreaterThanOrEqual(wiser.backlogMs);
});

test('what comes back too late was given out in vain as well', () => {
  const { cluster, forecast, dispatch, back } = harness(beat());
  dispatch(90);
  back(1, 40, { queueMs: 4, computeMs: 30 }, 50);
  const run = { model: 'large', precision: 'fp32', version: '1', batchSize: 1, reason: '', queueMs: 10, computeMs: 30 };
  for (let index = 41; index <= 50; index += 1) cluster.returned({ kind: 'completed', requestId: `r${index}`, step: 'fine', run, task: { deadlineAt: 49 } } as never, 50);
  const { soonestMs, computeMs, backlogMs } = forecast('fp32', 'standard', 50)!;
  expect(soonestMs - computeMs).toBeGreaterThanOrEqual(backlogMs);
});
