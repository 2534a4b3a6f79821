import type { Heartbeat } from '@tandem/schemas';
import { ControlState, workerKey } from '@tandem/shared/control';
import { expect, test } from 'vitest';
import { INTERVAL_MS } from '../aggregator.ts';
import { SILENT_MS, WorkerWatch } from './worker-watch.ts';

const load = (completed: number) => ({ model: 'm', precision: 'int8', version: '1', queued: 3, running: 1, completed, failed: 0, meanBatchSize: 4, meanBatchMs: 2 });
const beat = (instance: string, time: number, over: Partial<Heartbeat> = {}): Heartbeat =>
  ({ kind: 'worker', instance, time, resources: { time, cpuCores: 2, memoryBytes: 8, memoryFreeBytes: 4 }, variants: [load(time / 10)], ...over });

function watch() {
  const workers = new WorkerWatch();
  const control = new ControlState();
  const hear = (heartbeat: Heartbeat, now = heartbeat.time, ageMs = 0) => workers.record({ key: heartbeat.instance, value: Buffer.from(JSON.stringify(heartbeat)) }, now, ageMs);
  return { workers, control, hear, states: (now: number) => workers.workers(now, control).map(({ instance, state }) => `${instance} ${state}`) };
}

test('a worker without heartbeats is silent, and the next snapshot says so before three seconds are over; then it is gone, then forgotten', () => {
  const { hear, states } = watch();
  hear(beat('w', 0));
  expect([SILENT_MS, SILENT_MS + 1].map((now) => states(now))).toEqual([['w working'], ['w silent']]);
  expect(SILENT_MS + INTERVAL_MS).toBeLessThan(3_000);
  expect([1_000, 1_900, 12_000, 200_000].map((now) => states(now))).toEqual([['w working'], ['w silent'], ['w gone'], []]);
});

test('one that said goodbye is not shown, and one that ended long ago never was', () => {
  const { workers, hear, states } = watch();
  hear(beat('w', 0));
  workers.record({ key: 'w', value: null }, 10, 0);
  hear(beat('old', 0), 3_600_000, 3_600_000);
  expect(states(20)).toEqual([]);
});

test('a drained one is told from one that drains, also when nothing is heard of it', () => {
  const { control, hear, states } = watch();
  for (const instance of ['a', 'b', 'c']) control.apply({ key: workerKey(instance), value: Buffer.from(JSON.stringify({ kind: 'worker_drain', instance, by: 'me', time: 0 })) });
  hear(beat('a', 0));
  hear(beat('b', 0, { variants: [], drained: true }));
  expect(states(100)).toEqual(['a draining', 'b drained', 'c gone']);
});

test('what several workers say of a variant is put together; paces are of the last seconds', () => {
  const { workers, hear } = watch();
  for (const time of [0, 500, 1_000]) hear(beat('a', time));
  hear(beat('b', 1_000, { variants: [{ ...load(7), breaker: 'open' }] }));
  expect(workers.variants(1_100)).toEqual([expect.objectContaining({ name: 'm.int8', workers: 2, queued: 6, perSecond: 100, breaker: 'open', meanBatchSize: 4 })]);
});

test('versions are told with how many workers serve each, and what some refuse', () => {
  const { workers, hear } = watch();
  hear(beat('a', 1_000, { variants: [{ ...load(1), version: '1', refused: { version: '2', reason: 'golden_differs' } }] }));
  for (const instance of ['b', 'c']) hear(beat(instance, 1_000, { variants: [{ ...load(1), version: '2' }] }));
  expect(workers.served(1_100)).toEqual(new Map([['m.int8', { serving: [{ version: '2', workers: 2 }, { version: '1', workers: 1 }], refused: [{ version: '2', reason: 'golden_differs' }] }]]));
  expect(workers.served(20_000)).toEqual(new Map());
});

test('of requests of the last seconds, so many went on from a cached prefix', () => {
  const { workers, hear } = watch();
  hear(beat('a', 0, { variants: [{ ...load(0), prefixes: { hits: 100, misses: 100, bypassed: 0 } }] }));
  hear(beat('a', 500, { variants: [{ ...load(10), prefixes: { hits: 106, misses: 101, bypassed: 1 } }] }));
  expect(workers.variants(600)[0]?.prefixHits).toBeCloseTo(6 / 8);
});

test.each(['', 'no json', 'null', '{"kind":"worker"}', '{"kind":"erasure","user":"x","time":1}'])('what is no heartbeat changes nothing: %s', (text) => {
  const { workers, states } = watch();
  workers.record({ key: 'w', value: Buffer.from(text) }, 0, 0);
  expect(states(0)).toEqual([]);
});
