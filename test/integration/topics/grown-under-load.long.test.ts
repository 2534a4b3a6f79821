import { randomUUID } from 'node:crypto';
import { topicName } from '@tandem/schemas';
import type { OutgoingRecord } from '@tandem/shared/log';
import { expect, inject, test } from 'vitest';
import { topicsOf } from '../../../services/cli/compose/topology.ts';
import { startTandem, type Draft, type RunningTandem } from '../../support/system.ts';
import { until } from '../../support/until.ts';

const requests = (count: number): Draft[] => Array.from({ length: count }, (_, index) => ({
  workload: 'recommend', userId: `user-${index}`, input: { history: ['1', '2'] }, hints: { task: 'full', deadlineMs: 120_000 },
}));

async function tasksOf({ client: { ports: { log } }, settings: { prefix } }: RunningTandem): Promise<OutgoingRecord[]> {
  const topic = topicName(prefix, 'tasks');
  const tasks: OutgoingRecord[] = [];
  for (const { partition } of await log.admin.offsets(topic)) {
    for await (const batch of log.read({ topic, partition })) tasks.push(...batch.map(({ key, value, headers }) => ({ topic, key, value, headers })));
  }
  return tasks;
}

/** The stages' log refuses a partition that it does not know yet. */
async function untilKnown({ client: { ports }, settings: { prefix } }: RunningTandem, name: 'tasks' | 'outcomes', partition: number): Promise<void> {
  const isKnown = () => ports.producer.send([{ topic: topicName(prefix, name), key: null, value: '{}', partition }]).then(() => true, () => false);
  await until(isKnown, { everyMs: 500, timeoutMs: 90_000, what: `partition ${partition} of ${name} to be known` });
}

test('exactly once, partitions that are added under running stages change nothing: what is repeated is recognised, and parts meet', { timeout: 300_000 }, async () => {
  await using tandem = await startTandem({ kafka: inject('kafka'), prefix: `test-${randomUUID().slice(0, 8)}.`, partitions: 2, delivery: 'exactly-once' });
  const { client, settings } = tandem;
  const { log, producer } = client.ports;
  await client.ask(requests(40), 60_000);
  const tasks = await tasksOf(tandem);
  for (const { name, partitions } of topicsOf(settings, client.ports)) if (partitions === 2) await log.admin.addPartitions(name, 5);
  await untilKnown(tandem, 'tasks', 4);
  await untilKnown(tandem, 'outcomes', 4);
  // As a classifier that died before it committed has the next one do.
  await producer.send(tasks);
  const after = await client.ask(requests(80), 150_000);
  expect(after.filter(({ status }) => status !== 'complete')).toEqual([]);
  expect([...client.responses.values()].filter(({ length }) => length > 1)).toEqual([]);
  const used = (await log.admin.offsets(topicName(settings.prefix, 'responses'))).filter(({ latest }) => latest > 0).map(({ partition }) => partition);
  expect(used.toSorted()).toEqual([0, 1]);
});
