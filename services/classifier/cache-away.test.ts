import { fixedTopics, type Task } from '@tandem/schemas';
import { systemClock } from '@tandem/shared/clock';
import { createEmbeddedLog } from '@tandem/shared/log';
import { RunningStage } from '@tandem/shared/runner';
import { createMetrics, noTracing, silentLogger } from '@tandem/shared/telemetry';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { breakableCache, interaction, request, testClassifier, testWorkload } from './testing.ts';

const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

async function harness() {
  const { cache, state } = breakableCache();
  const log = createEmbeddedLog();
  cleanUps.push(() => log.close());
  await log.admin.ensureTopics(fixedTopics({ prefix: 'tandem.', partitions: 1 }));
  const producer = await log.producer();
  const tasks: Task[] = [];
  const tail = await log.tail({ topic: 'tandem.tasks', onRecord: ({ value }) => tasks.push(JSON.parse(value!.toString()) as Task) });
  cleanUps.push(() => tail.close());
  const start = async () => {
    const { classifier } = testClassifier({ cache, clock: systemClock, workloads: [testWorkload({ deadlineMs: 60_000 })] });
    const metrics = createMetrics({ processMetrics: false });
    const ports = { log, producer, prefix: 'tandem.', clock: systemClock, logger: silentLogger, metrics, tracing: noTracing };
    const running = await RunningStage.start(classifier, { ...ports, drainTimeoutMs: 600_000, commitIntervalMs: 10 });
    cleanUps.push(() => running.stop());
    return running;
  };
  const send = (topic: string, value: unknown) => producer.send([{ topic: `tandem.${topic}`, key: null, value: JSON.stringify(value) }]);
  const committed = async () => (await log.admin.committed('tandem.classifier', 'tandem.interactions'))[0]?.offset;
  return { state, cache, tasks, start, send, committed, log };
}

describe('with the cache away', () => {
  it('requests go on, marked, and all is well again when it is back', async () => {
    const { state, tasks, start, send, committed } = await harness();
    await start();
    await send('interactions', interaction('1'));
    await vi.waitFor(async () => expect(await committed()).toBe(1), 10_000);
    state.broken = true;
    await send('interactions', interaction('2'));
    await send('requests', request());
    await vi.waitFor(() => expect(tasks.map(({ marks }) => marks)).toEqual([['features_stale']]), 10_000);
    state.broken = false;
    await vi.waitFor(async () => expect(await committed()).toBe(2), 10_000);
    await send('requests', request());
    await vi.waitFor(() => expect(tasks).toHaveLength(2), 10_000);
    expect(tasks[1]).toMatchObject({ marks: [], input: { history: [1, 2] } });
  });

  it('a stop does not wait for it: interactions are handed back, and stored in their order by whoever is next', async () => {
    const { state, cache, start, send, committed, log } = await harness();
    state.broken = true;
    const first = await start();
    for (const item of ['1', '2', '3']) await send('interactions', interaction(item));
    await vi.waitFor(() => expect(first.inFlight).toBe(3), 10_000);
    await first.stop();
    expect(await committed()).toBe(0);
    const [retries] = await log.admin.offsets('tandem.retry.classifier');
    expect(retries?.latest).toBe(0);
    state.broken = false;
    await start();
    await vi.waitFor(async () => expect(await committed()).toBe(3), 10_000);
    expect((await cache.list('features:ann')).entries.map((entry) => entry.split(':')[0])).toEqual(['1', '2', '3']);
  });
});
