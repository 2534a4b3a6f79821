import { randomUUID } from 'node:crypto';
import { topicName } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { expect, inject, test } from 'vitest';
import { openPorts } from '../../../services/cli/compose/ports.ts';
import { growTopics } from '../../../services/cli/compose/grow-topics.ts';
import { startTandem, type Draft } from '../../support/system.ts';

const requests = (count: number): Draft[] => Array.from({ length: count }, (_, index) => ({
  workload: 'recommend', userId: `user-${index}`, input: { history: ['1', '2'] }, hints: { task: 'full', deadlineMs: 60_000 },
}));
const quiet = { force: false, onGrown: () => undefined };

async function grow(prefix: string, partitions: number, options = quiet): Promise<string[]> {
  const settings = loadSettings({ flags: { kafka: inject('kafka'), prefix, partitions, logLevel: 'silent' } });
  await using ports = await openPorts(settings, 'test');
  return await growTopics(settings, ports, options);
}

test('topics grow between two runs of the stages, and everything is answered once, before and after', async () => {
  const flags = { kafka: inject('kafka'), prefix: `test-${randomUUID().slice(0, 8)}.`, partitions: 2 };
  {
    await using tandem = await startTandem(flags);
    await tandem.client.ask(requests(40));
    await expect(grow(flags.prefix, 5)).rejects.toMatchObject({ code: 'stages_running' });
  }
  const grown = await grow(flags.prefix, 5);
  expect(grown).toContain(topicName(flags.prefix, 'tasks'));
  expect(grown).not.toContain(topicName(flags.prefix, 'telemetry'));
  expect(await grow(flags.prefix, 5)).toEqual([]);
  await expect(grow(flags.prefix, 3)).rejects.toMatchObject({ code: 'fewer_partitions' });
  await using tandem = await startTandem({ ...flags, partitions: 5 });
  await tandem.client.ask(requests(80));
  expect(tandem.client.responses.size).toBe(120);
  expect([...tandem.client.responses.values()].filter(({ length }) => length > 1)).toEqual([]);
});

test('topics do not grow while records are on their way', async () => {
  const prefix = `test-${randomUUID().slice(0, 8)}.`;
  {
    await using tandem = await startTandem({ kafka: inject('kafka'), prefix, partitions: 2 });
    await tandem.client.ask(requests(4));
  }
  {
    await using ports = await openPorts(loadSettings({ flags: { kafka: inject('kafka'), prefix, partitions: 2 } }), 'test');
    await ports.producer.send([{ topic: topicName(prefix, 'tasks'), key: 'user-1', value: '{}' }]);
  }
  await expect(grow(prefix, 4)).rejects.toMatchObject({ code: 'flow_not_drained' });
  expect(await grow(prefix, 4, { ...quiet, force: true })).toContain(topicName(prefix, 'outcomes'));
});
