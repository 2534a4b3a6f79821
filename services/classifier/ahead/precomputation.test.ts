import { setImmediate as nextTurn } from 'node:timers/promises';
import { fixedTopics, HEADER, type Task } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import { createEmbeddedLog } from '@tandem/shared/log';
import type { StageContext, StageOutput } from '@tandem/shared/runner';
import { silentLogger } from '@tandem/shared/telemetry';
import { expect, onTestFinished, test } from 'vitest';
import { handle, NOW, record, request, testClassifier, testWorkload } from '../testing.ts';
import { Precomputation, withPrecomputation } from './precomputation.ts';

const variant = { model: 'm', precision: 'fp32', version: '1', queued: 0, running: 0, completed: 0, failed: 0, meanBatchSize: 1, meanBatchMs: 1 };

/** A classifier that computes ahead, on a log of its own; workers are what the test says. */
async function setUp({ perSecond = 4, requests = [] as object[] } = {}) {
  const clock = new ManualClock(NOW);
  const log = createEmbeddedLog({ clock });
  await log.admin.ensureTopics(fixedTopics({ prefix: 'tandem.', partitions: 1 }));
  const producer = await log.producer();
  await producer.send(requests.map((value) => ({ topic: 'tandem.requests', key: 'k', value: JSON.stringify(value) })));
  const workloads = [testWorkload({ freshness: '1 hour', precompute: { users: 10 } })];
  const counted: string[] = [];
  const ahead = new Precomputation({ log, prefix: 'tandem.', partitions: 1, workloads, clock, logger: silentLogger, random: Math.random, perSecond, maxCpuUse: 0.7, onTask: (name) => counted.push(name) });
  const { classifier } = testClassifier({ workloads, clock, ahead });
  const published: StageOutput[] = [];
  const context: StageContext = { publish: async (outputs) => void published.push(...outputs) };
  const lag = { 'tandem.requests': 0, 'tandem.requests.bulk': 0 };
  const stage = withPrecomputation(classifier, ahead);
  stage.attach?.({ lag: (topic) => lag[topic as keyof typeof lag], pause: () => undefined, resume: () => undefined });
  stage.onAssigned?.([{ topic: 'tandem.requests', partition: 0 }]);
  await stage.start?.(context);
  onTestFinished(async () => stage.stop?.());
  const turns = async () => {
    for (let turn = 0; turn < 30; turn += 1) await nextTurn();
  };
  const worker = async (over: object = {}, cpuUse = 0.1) => {
    const beat = { kind: 'worker', instance: 'w', time: clock.now(), variants: [{ ...variant, ...over }], resources: { time: 0, cpuCores: 1, cpuUse, memoryBytes: 1, memoryFreeBytes: 1 } };
    await producer.send([{ topic: 'tandem.telemetry', key: 'w', value: JSON.stringify(beat) }]);
    await turns();
  };
  const pass = async (ms = 250) => {
    clock.advance(ms);
    await turns();
  };
  const tasks = () => published.map(({ value }) => JSON.parse(value as string) as Task);
  const act = (itemId: string, userId = 'ann') => handle(stage, record('interactions', { userId, itemId, time: clock.now() }));
  const ask = (over: object = {}, headers: Record<string, string> = {}) => handle(stage, record('requests', { ...request(), ...over }, { headers, timestamp: clock.now() }));
  await turns();
  return { stage, clock, published, counted, lag, tasks, worker, pass, act, ask };
}

test('what a user will ask next is put on its way once he has done something new, as his request would be, in the bulk lane', async () => {
  const { act, ask, worker, pass, tasks, published, counted } = await setUp();
  await act('1');
  const [asked] = await ask({ hints: { task: 'full' } }, { [HEADER.tenant]: 'acme' });
  await worker();
  await pass();
  // The worker is new: its memory is empty.
  expect(published.splice(0)).toHaveLength(1);
  await act('2');
  await pass();
  const [task] = tasks();
  const real = JSON.parse(asked!.value as string) as Task;
  expect(task).toMatchObject({ ahead: true, lane: 'bulk', key: real.key, plan: real.plan, input: { ...(real.input as object), history: [1, 2], total: 2 } });
  expect(task!.deadlineAt).toBeLessThanOrEqual(NOW + 2_000);
  expect(task!.requestId).not.toBe(real.requestId);
  expect(published[0]!.headers).toEqual({ [HEADER.tenant]: 'acme' });
  expect(counted).toEqual(['recommend', 'recommend']);
  await pass(5_000);
  expect(tasks()).toHaveLength(1);
});

test.each([
  ['requests wait here', async ({ lag }: Awaited<ReturnType<typeof setUp>>) => void (lag['tandem.requests'] = 1)],
  ['bulk requests wait here', async ({ lag }: Awaited<ReturnType<typeof setUp>>) => void (lag['tandem.requests.bulk'] = 1)],
  ['work waits at a worker', async ({ worker }: Awaited<ReturnType<typeof setUp>>) => worker({ queued: 1 })],
  ['its CPU is in use', async ({ worker }: Awaited<ReturnType<typeof setUp>>) => worker({}, 0.9)],
  ['no worker has been heard of for long', async ({ pass }: Awaited<ReturnType<typeof setUp>>) => pass(4_000)],
])('nothing is put on its way while %s, and it is when that is over', async (_, busy) => {
  const all = await setUp();
  await all.act('1');
  await all.ask();
  await all.worker();
  await all.pass();
  all.published.length = 0;
  await busy(all);
  await all.act('2');
  await all.pass(1_000);
  expect(all.published).toEqual([]);
  Object.assign(all.lag, { 'tandem.requests': 0, 'tandem.requests.bulk': 0 });
  await all.worker();
  await all.pass();
  expect(all.published).toHaveLength(1);
});

test('no more is put on its way than the rate allows', async () => {
  const { act, ask, worker, pass, published } = await setUp({ perSecond: 4 });
  for (const userId of ['a', 'b', 'c', 'd', 'e', 'f']) {
    await act('1', userId);
    await ask({ userId, requestId: userId });
  }
  await worker();
  for (let tick = 1; tick <= 6; tick += 1) {
    await pass();
    await worker();
    expect(published.length).toBeLessThanOrEqual(tick + 1);
  }
  expect(published.length).toBeGreaterThanOrEqual(5);
});

test('who was active before the process began is known from the log', async () => {
  const { act, worker, pass, tasks } = await setUp({ requests: [request({ userId: 'ann', input: { limit: 7, asOfInteractions: 1 } }), { nonsense: true }] });
  await act('5');
  await worker();
  await pass();
  expect(tasks()).toMatchObject([{ ahead: true, userId: 'ann', input: { history: [5], limit: 7 } }]);
});

test('an erased user is forgotten, and nothing is made for users of whom nothing is known', async () => {
  const { stage, act, ask, worker, pass, published } = await setUp();
  await ask({ userId: 'new', requestId: 'n' });
  await act('1');
  await ask();
  const erased = handle(stage, record('interactions', { erase: true, userId: 'ann', time: NOW }));
  await worker();
  await pass(2_000);
  await worker();
  await pass(1_000);
  await erased;
  expect(published).toEqual([]);
});

test.each([[{ history: ['1'] }], [{ candidates: ['1', '2'] }]])('requests whose sender brings %o are not foreseen', async (input) => {
  const { act, ask, worker, pass, published } = await setUp();
  await act('1');
  await ask({ input });
  await worker();
  await pass();
  expect(published).toEqual([]);
});
