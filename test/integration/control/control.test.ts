import { randomUUID } from 'node:crypto';
import { topicName, type Control, type Heartbeat } from '@tandem/schemas';
import { keyOf } from '@tandem/shared/control';
import { expect, test } from 'vitest';
import { startTandem, type RunningTandem } from '../../support/system.ts';
import { until } from '../../support/until.ts';

const draft = { workload: 'recommend', input: { history: ['1', '2'] }, hints: { task: 'coarse', deadlineMs: 60_000 } } as const;

async function control({ client }: RunningTandem, wanted: Control, holds: boolean): Promise<void> {
  const producer = await client.ports.log.producer();
  await producer.send([{ topic: topicName(client.prefix, 'control'), key: keyOf(wanted), value: holds ? JSON.stringify(wanted) : null }]);
}

async function heartbeats({ client }: RunningTandem): Promise<Map<string, Heartbeat>> {
  const newest = new Map<string, Heartbeat>();
  await client.ports.log.tail({
    topic: topicName(client.prefix, 'telemetry'),
    onRecord: ({ key, value }) => {
      if (key !== null && value === null) newest.delete(key);
      if (key !== null && value !== null) newest.set(key, JSON.parse(value.toString()) as Heartbeat);
    },
  });
  return newest;
}

test('a lane that is held waits in the log while the other goes on, and is answered when it is let go', async () => {
  await using tandem = await startTandem({ threads: '1' });
  const { client } = tandem;
  const hold: Control = { kind: 'lane_hold', lane: 'bulk', by: 'ada', time: Date.now() };
  await control(tandem, hold, true);
  const requestId = randomUUID();
  // Held as soon as the record is read: requests from before that would be answered.
  await client.ask([draft]);
  await client.write('requests.bulk', [JSON.stringify({ requestId, ...draft })]);
  await client.ask([draft, draft]);
  expect(client.responses.has(requestId)).toBe(false);
  await control(tandem, hold, false);
  await until(() => client.responses.has(requestId), { what: 'the answer of the bulk request' });
});

test('a drained worker says so, takes nothing, and goes on when it is brought back', async () => {
  await using tandem = await startTandem({ threads: '1', instance: 'w-1' });
  const { client } = tandem;
  const beats = await heartbeats(tandem);
  await until(() => (beats.get('w-1')?.variants.length ?? 0) > 0, { what: 'a heartbeat' });
  const drain: Control = { kind: 'worker_drain', instance: 'w-1', by: 'ada', time: Date.now() };
  await control(tandem, drain, true);
  await until(() => beats.get('w-1')?.drained === true, { what: 'the worker to be drained' });
  expect(beats.get('w-1')?.variants).toEqual([]);
  const waiting = client.ask([draft]);
  await control(tandem, drain, false);
  await until(() => (beats.get('w-1')?.variants.length ?? 0) > 0, { what: 'the worker to be back' });
  expect((await waiting)[0]).toMatchObject({ status: 'complete' });
});
