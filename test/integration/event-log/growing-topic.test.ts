import { createKafkaLog, type KafkaLog, type OutgoingRecord } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { describe, expect, inject, it } from 'vitest';
import { Fixture, numbersUpTo } from '../../conformance/event-log-fixture.ts';
import { until } from '../../support/until.ts';

function createFixture(): Fixture & { log: KafkaLog } {
  const log = createKafkaLog({
    brokers: inject('kafka').split(','), clientId: 'growing', logger: silentLogger, sessionTimeoutMs: 6_000, heartbeatIntervalMs: 300, metadataMaxAgeMs: 500,
  });
  return Object.assign(new Fixture({ log, startVictim: () => Promise.reject(new Error('not here')), close: () => log.close() }), { log });
}

describe('when partitions are added to a topic', () => {
  it.each(['earliest', 'latest'] as const)('running producers, consumers (%s first) and tails take them up, and nothing is lost', async (startFrom) => {
    const f = createFixture();
    const topic = await f.topic({ partitions: 2 });
    const producer = await f.producer();
    const tailed: string[] = [];
    await f.log.tail({ topic, onRecord: ({ value }) => void tailed.push(String(value)) });
    const groupId = f.name('group');
    const readers = [await f.consumer({ groupId, topics: [topic], startFrom, onRecord: (delivery) => delivery.ack() })];
    readers.push(await f.consumer({ groupId, topics: [topic], startFrom, onRecord: (delivery) => delivery.ack() }));
    let sent = 0;
    const send = async (): Promise<void> => {
      const records = Array.from({ length: 50 }, () => ({ topic, key: `key-${sent}`, value: `${sent++}` }));
      await producer.send(records);
    };
    await send();
    await f.log.admin.addPartitions(topic, 5);
    const isUsed = async (): Promise<boolean> => {
      await send();
      return (await f.log.admin.offsets(topic)).filter(({ latest }) => latest > 0).length === 5;
    };
    await until(isUsed, { everyMs: 50, timeoutMs: 60_000, what: 'the new partitions to be written to' });
    const received = (): Set<string> => new Set(readers.flatMap(({ values }) => values.map(String)));
    await until(() => received().size === sent, { timeoutMs: 60_000, what: () => `${sent} records; there are ${received().size}` });
    expect([...received()].toSorted()).toEqual(numbersUpTo(sent).toSorted());
    // The group may join once more meanwhile.
    await expect.poll(() => readers.flatMap(({ consumer }) => consumer.assignment.map(({ partition }) => partition)).toSorted(), { timeout: 60_000 }).toEqual([0, 1, 2, 3, 4]);
    await until(() => tailed.length >= sent, { timeoutMs: 60_000, what: () => `the tail to have ${sent}; it has ${tailed.length}` });
    expect(tailed.toSorted()).toEqual(numbersUpTo(sent).toSorted());
  });

  it('keys stay where they are for whoever keeps to the number that was agreed on', async () => {
    const f = createFixture();
    const [kept, other] = [await f.topic({ partitions: 2 }), await f.topic({ partitions: 2 })];
    const producer = await f.producer();
    const writer = await f.log.exclusiveWriter(f.name('writer'));
    f.log.keepPartitions(new Map([[kept, 2]]));
    const write = (records: readonly OutgoingRecord[]) => Promise.all([producer.send(records), writer.write(records)]);
    const used = async (topic: string) => (await f.log.admin.offsets(topic)).filter(({ latest }) => latest > 0).length;
    for (const topic of [kept, other]) await f.log.admin.addPartitions(topic, 5);
    const keys = numbersUpTo(50);
    // The log has heard of them when others are written to.
    await until(async () => {
      await write(keys.map((key) => ({ topic: other, key, value: key })));
      return await used(other) === 5;
    }, { everyMs: 50, timeoutMs: 60_000, what: 'the new partitions to be written to' });
    await write([...keys, null].map((key) => ({ topic: kept, key, value: 'v' })));
    expect(await used(kept)).toBe(2);
    await producer.send([{ topic: kept, key: 'asked for', partition: 4, value: 'v' }]);
    expect(await used(kept)).toBe(3);
  });
});
