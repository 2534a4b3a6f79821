import { fixedTopics, type Heartbeat, type Response } from '@tandem/schemas';
import { systemClock } from '@tandem/shared/clock';
import { createEmbeddedLog, type EmbeddedLog } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Aggregator } from './aggregator.ts';
import type { Snapshot } from './snapshot.ts';

const PATIENCE = { timeout: 20_000, interval: 50 };

async function aggregator(over: { log?: EmbeddedLog; withTopics?: boolean } = {}) {
  const log = over.log ?? createEmbeddedLog();
  if (over.withTopics !== false) await log.admin.ensureTopics(fixedTopics({ prefix: 't.', partitions: 2 }));
  const snapshots: Snapshot[] = [];
  const made = new Aggregator({ log, prefix: 't.', clock: systemClock, logger: silentLogger, workloads: [], onSnapshot: (snapshot) => snapshots.push(snapshot) });
  made.start();
  onTestFinished(async () => {
    await made.stop();
    await log.close();
  });
  const producer = await log.producer();
  const send = (topic: string, key: string, value: unknown) => producer.send([{ topic: `t.${topic}`, key, value: JSON.stringify(value) }]);
  return { made, log, snapshots, send, last: () => snapshots.at(-1) };
}

const response = (requestId: string): Response => ({
  requestId, workload: 'w', userId: 'u', status: 'complete', final: true, sequence: 0, latencyMs: 12, time: Date.now(),
  steps: [{ step: 's', model: 'm', precision: 'int8', version: '1', batchSize: 1, queueMs: 1, computeMs: 2, reason: '' }], result: { items: [] },
});
const heartbeat: Heartbeat = {
  kind: 'worker', instance: 'w-1', time: 0, resources: { time: 0, cpuCores: 1, memoryBytes: 2, memoryFreeBytes: 1 },
  variants: [{ model: 'm', precision: 'int8', version: '1', queued: 0, running: 0, completed: 0, failed: 0, meanBatchSize: 1, meanBatchMs: 1 }],
};

test('what is in the log becomes figures, once a second', async () => {
  const { made, send, snapshots, last } = await aggregator();
  await vi.waitFor(() => expect(made.control).toBeDefined(), PATIENCE);
  await send('telemetry', 'w-1', heartbeat);
  for (const id of ['a', 'b']) await send('responses', 'u', response(id));
  await vi.waitFor(() => expect(last()?.answers.seen).toBe(2), PATIENCE);
  expect(last()).toMatchObject({
    log: { durable: false }, answers: { sampled: 2, statuses: { complete: expect.any(Number) } }, variants: [{ name: 'm.int8', share: 1, queueMs: { p50: 1 } }],
    recent: [{ requestId: 'b', path: 'm.int8' }, { requestId: 'a' }], lanes: [{ lane: 'interactive', paused: null }, { lane: 'bulk', paused: null }],
  });
  expect(snapshots.some(({ workers }) => workers[0]?.instance === 'w-1' && workers[0].state === 'working')).toBe(true);
  expect(made.history.time.length).toBe(snapshots.length);
});

test('of very many answers a bounded number is looked into, and all are counted', async () => {
  const { made, log, last } = await aggregator();
  await vi.waitFor(() => expect(made.control).toBeDefined(), PATIENCE);
  const producer = await log.producer();
  const value = JSON.stringify(response('many'));
  await producer.send(Array.from({ length: 6_000 }, () => ({ topic: 't.responses', key: 'u', value })));
  await vi.waitFor(() => expect(last()?.answers.seen).toBe(6_000), PATIENCE);
  expect(last()?.answers.sampled).toBeLessThan(6_000);
  expect(last()?.recent.length).toBeLessThanOrEqual(40);
});

test('a log without the topics is said to be away, and is read as soon as it has them', async () => {
  const { made, log } = await aggregator({ withTopics: false });
  await vi.waitFor(() => expect(made.error).toMatch(/t\./), PATIENCE);
  expect(made.snapshot()).toBeUndefined();
  await log.admin.ensureTopics(fixedTopics({ prefix: 't.', partitions: 2 }));
  await vi.waitFor(() => expect(made.snapshot()).toMatchObject({ log: { description: 'embedded' } }), PATIENCE);
  await vi.waitFor(() => expect(made.error).toBeUndefined(), PATIENCE);
});
