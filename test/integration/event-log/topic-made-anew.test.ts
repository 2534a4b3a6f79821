import type { LogRecord } from '@tandem/shared/log';
import { createKafkaLog } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { describe, expect, inject, it } from 'vitest';
import { Fixture, sequence } from '../../conformance/event-log-fixture.ts';
import { until } from '../../support/until.ts';

function createFixture(): Fixture {
  const log = createKafkaLog({ brokers: inject('kafka').split(','), clientId: 'made-anew', logger: silentLogger, sessionTimeoutMs: 6_000, heartbeatIntervalMs: 300, metadataMaxAgeMs: 1_000 });
  return new Fixture({ log, startVictim: () => Promise.reject(new Error('not here')), close: () => log.close() });
}

async function makeAnew(f: Fixture, topic: string): Promise<void> {
  await f.log.admin.deleteTopics([topic]);
  await until(async () => !(await f.log.admin.listTopics()).includes(topic), { timeoutMs: 30_000, what: 'the topic to go' });
  await f.log.admin.ensureTopics([f.spec({ name: topic, partitions: 1 })]);
}

const anew = (topic: string, count: number): { topic: string; key: string; value: string }[] =>
  Array.from({ length: count }, (_, index) => ({ topic, key: 'a', value: `new ${index}` }));

describe('when a topic is deleted and made anew', () => {
  it('a tail reads the new one from its start', async () => {
    const f = createFixture();
    const topic = await f.topic({ partitions: 1 });
    await f.send(sequence(topic, 5));
    const records: LogRecord[] = [];
    const tail = await f.log.tail({ topic, onRecord: (record) => void records.push(record) });
    await tail.caughtUp;
    await makeAnew(f, topic);
    await f.send(anew(topic, 3));
    await until(() => records.length >= 8, { timeoutMs: 60_000, what: () => `the new records; there are ${records.length}` });
    expect(records.slice(5).map(({ value }) => String(value))).toEqual(['new 0', 'new 1', 'new 2']);
  });

  it('a consumer reads the new one from its start, and what it had in flight of the others again', async () => {
    const f = createFixture();
    const [deleted, kept] = [await f.topic({ partitions: 1 }), await f.topic({ partitions: 1 })];
    const reader = await f.consumer({ topics: [deleted, kept] });
    await f.send([...sequence(deleted, 5), ...sequence(kept, 4)]);
    await reader.receives(9);
    reader.deliveries.find(({ record }) => record.topic === kept)?.ack();
    await reader.consumer.commit();
    await makeAnew(f, deleted);
    await f.send(anew(deleted, 3));
    const valuesOf = (topic: string): (string | undefined)[] => reader.records.filter((record) => record.topic === topic).map(({ value }) => value?.toString());
    await until(() => valuesOf(deleted).length >= 8, { timeoutMs: 60_000, what: () => `the new records; there are ${valuesOf(deleted).length}` });
    await until(() => valuesOf(kept).length >= 7, { timeoutMs: 60_000, what: () => `what was in flight; there are ${valuesOf(kept).length}` });
    expect(valuesOf(deleted).slice(5)).toEqual(['new 0', 'new 1', 'new 2']);
    expect(valuesOf(kept).slice(4)).toEqual(['1', '2', '3']);
    expect(reader.revoked.toSorted()).toEqual([`${deleted}/0`, `${kept}/0`].toSorted());
  });

  it('and has grown past the old one before anybody looks, it is read from its start all the same', async () => {
    const f = createFixture();
    const topic = await f.topic({ partitions: 1 });
    const groupId = f.name('group');
    const reader = await f.consumer({ groupId, topics: [topic], onRecord: (delivery) => delivery.ack() });
    const records: LogRecord[] = [];
    const tail = await f.log.tail({ topic, onRecord: (record) => void records.push(record) });
    await f.send(sequence(topic, 5));
    await tail.caughtUp;
    await reader.receives(5);
    await reader.consumer.commit();
    await makeAnew(f, topic);
    await f.send(anew(topic, 200));
    const values = anew(topic, 200).map(({ value }) => value);
    const isComplete = (seen: readonly (string | null)[]): boolean => values.every((value) => seen.includes(value));
    await until(() => isComplete(reader.values), { timeoutMs: 60_000, what: () => `all new records; there are ${reader.values.length}` });
    await until(() => isComplete(records.map(({ value }) => String(value))), { timeoutMs: 60_000, what: () => `the tail to have all; it has ${records.length}` });
    await reader.consumer.commit();
    expect(await f.committed(groupId, topic)).toBe(200);
  });

  it('a consumer of a topic that stays away says so once', async () => {
    const f = createFixture();
    const [topic, other] = [await f.topic({ partitions: 1 }), await f.topic({ partitions: 1 })];
    const reader = await f.consumer({ topics: [topic] });
    await f.log.admin.deleteTopics([topic]);
    await until(() => reader.faults.length > 0, { timeoutMs: 60_000, what: 'the fault' });
    await f.send(sequence(other, 1));
    await makeAnew(f, topic);
    await f.send(anew(topic, 3));
    await reader.receives(3);
    expect(reader.faults).toHaveLength(1);
  });
});
