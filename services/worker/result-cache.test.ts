import type { ErasureNotice, Workload } from '@tandem/schemas';
import { userHash } from '@tandem/shared/cache';
import { createEmbeddedLog } from '@tandem/shared/log';
import { expect, onTestFinished, test } from 'vitest';
import { POISON, context, heldEngine, scoreOf, work, workerFactory } from './testing.ts';

const worker = workerFactory(onTestFinished);
const workloads = [{ name: 'w', freshness: '1 hour' } as Workload];
const isCached = (outcome: Awaited<ReturnType<Awaited<ReturnType<typeof worker>>['run']>>) => outcome.kind === 'completed' && outcome.run.cached === true;

test('a step is computed once for all identical ones, and not again while its result is fresh', async () => {
  const engine = heldEngine();
  const stage = await worker({ engine, workloads });
  const together = Array.from({ length: 5 }, (_, index) => stage.run(work(3, { requestId: `r${index}` })));
  const other = stage.run(work(4));
  await engine.began(1);
  engine.batches[0]!.end();
  expect((await Promise.all([...together, other])).map(scoreOf)).toEqual([30, 30, 30, 30, 30, 40]);
  const again = await stage.run(work(3, { requestId: 'again' }));
  expect([scoreOf(again), isCached(again)]).toEqual([30, true]);
  expect(engine.batches.map(({ ids }) => ids)).toEqual([[3, 4]]);
});

test('without a freshness every step is computed', async () => {
  const engine = heldEngine();
  const stage = await worker({ engine, workloads: [{ name: 'w', freshness: 'off' } as Workload] });
  void stage.run(work(3));
  void stage.run(work(3, { requestId: 'other' }));
  await engine.began(1);
  expect(engine.batches[0]!.ids).toEqual([3, 3]);
  engine.batches[0]!.end();
});

test('a poison record fails for everybody who sends it, and its batch mates’ results stay right', async () => {
  const stage = await worker({ workloads });
  for (const round of [0, 1]) {
    const ran = await Promise.all([1, POISON, POISON, 2].map((id, index) => stage.run(work(id, { requestId: `${round}/${index}` }))));
    expect(ran.map((outcome) => (outcome.kind === 'completed' ? scoreOf(outcome) : outcome.kind))).toEqual([10, 'failed', 'failed', 20]);
    expect(ran.map(isCached)).toEqual(round === 0 ? [false, false, false, false] : [true, false, false, true]);
  }
});

test('a piece of work that the adapter cannot even measure fails alone, also for those who waited for it', async () => {
  const stage = await worker({ workloads });
  const ran = await Promise.all([0, 1, 2].map((index) => stage.run(work('unreadable', { requestId: `r${index}` }))));
  expect(ran.map(({ kind }) => kind)).toEqual(['failed', 'failed', 'failed']);
});

test('a stop finishes those who wait for another’s result too', async () => {
  const engine = heldEngine();
  const stage = await worker({ engine, workloads });
  const waiting = [0, 1, 2].map((index) => stage.run(work(3, { requestId: `r${index}` })));
  await engine.began(1);
  const drained = stage.drain?.();
  engine.batches[0]!.end();
  await drained;
  expect((await Promise.all(waiting)).map(scoreOf)).toEqual([30, 30, 30]);
});

test('a worker that hears of an erased user forgets his results', async () => {
  const log = createEmbeddedLog();
  onTestFinished(() => log.close());
  await log.admin.ensureTopics([{ name: 't.telemetry', partitions: 1 } as never]);
  const producer = await log.producer();
  const stage = await worker({ workloads, log, heartbeatIntervalMs: 3_600_000 });
  await stage.start?.({ ...context, publish: async (outputs) => producer.send([...outputs]).then(() => undefined) });
  const ask = (userId: string, requestId: string) => stage.run(work(userId.length, { userId, requestId, arrivedAt: 100 }));
  for (const userId of ['ann', 'dave']) expect(isCached(await ask(userId, 'first'))).toBe(false);
  const notice: ErasureNotice = { kind: 'erasure', user: userHash('ann'), time: 50 };
  for (const value of ['{"kind":"erasure"}', 'not "erasure" in JSON', JSON.stringify(notice)]) await producer.send([{ topic: 't.telemetry', key: 'k', value }]);
  await expect.poll(async () => isCached(await ask('ann', 'later')), { timeout: 10_000 }).toBe(false);
  expect(isCached(await ask('dave', 'later'))).toBe(true);
  expect(isCached(await ask('ann', 'last'))).toBe(true);
});
