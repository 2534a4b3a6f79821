import { fixedTopics } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { createEmbeddedLog, type EmbeddedLog } from '@tandem/shared/log';
import type { Stage, StageName } from '@tandem/shared/runner';
import { silentLogger } from '@tandem/shared/telemetry';
import { expect, onTestFinished, test } from 'vitest';
import type { Ports } from './ports.ts';
import { takeOver } from './takeover.ts';

const settings = { ...loadSettings({}), prefix: 't.', sessionTimeoutMs: 1 };
const tasks = 't.tasks';

function setUp() {
  const log = createEmbeddedLog();
  onTestFinished(() => log.close());
  // As far as this is concerned the embedded log is like any other.
  const ports = { log: new Proxy(log, { get: (target, name) => (name === 'durable' ? true : Reflect.get(target, name, target) as unknown) }), logger: silentLogger } as unknown as Ports;
  const begin = (names: readonly StageName[]) => takeOver(names, { inputs: [{ group: names.join('+'), topics: [tasks] }] } as unknown as Stage, settings, ports);
  return { log, begin };
}

async function stopped(log: EmbeddedLog, group: string, offset: number): Promise<void> {
  await log.admin.ensureTopics(fixedTopics({ prefix: 't.', partitions: 1 }));
  await log.admin.setCommitted(`t.${group}`, tasks, [{ partition: 0, offset }]);
}

const committed = async (log: EmbeddedLog, group: string) => (await log.admin.committed(`t.${group}`, tasks))[0]?.offset;

test('a chain goes on where its stages have stopped: what only one of them has done is not done', async () => {
  const { log, begin } = setUp();
  await stopped(log, 'scheduler', 50);
  await stopped(log, 'fusion', 40);
  await begin(['scheduler', 'fusion']);
  expect(await committed(log, 'scheduler+fusion')).toBe(40);
});

test('and they where it has stopped, however long ago they ran', async () => {
  const { log, begin } = setUp();
  await stopped(log, 'scheduler', 50);
  await stopped(log, 'fusion', 40);
  await stopped(log, 'classifier+scheduler+fusion', 900);
  await begin(['scheduler']);
  await begin(['fusion']);
  expect([await committed(log, 'scheduler'), await committed(log, 'fusion')]).toEqual([900, 900]);
});

test('nobody goes back', async () => {
  const { log, begin } = setUp();
  await stopped(log, 'scheduler', 50);
  await stopped(log, 'scheduler+fusion', 20);
  await begin(['scheduler']);
  expect(await committed(log, 'scheduler')).toBe(50);
});

test('groups of others, such as workers and stages that read other topics, do not count', async () => {
  const { log, begin } = setUp();
  await stopped(log, 'worker.m.fp32', 70);
  await stopped(log, 'classifier', 80);
  await begin(['scheduler', 'fusion']);
  expect(await committed(log, 'scheduler+fusion')).toBe(-1);
});

test('it refuses to run beside stages that are chained otherwise', async () => {
  const { log, begin } = setUp();
  await stopped(log, 'fusion', 1);
  const consumer = log.consumer({ groupId: 't.fusion', topics: [tasks], onRecord: () => undefined });
  await consumer.start();
  await expect(begin(['scheduler', 'fusion'])).rejects.toMatchObject({ code: 'layout_conflict' });
  await consumer.close();
  await begin(['scheduler', 'fusion']);
  expect(await committed(log, 'scheduler+fusion')).toBe(1);
});
