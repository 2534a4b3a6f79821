import { createKafkaLog } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { describe, expect, it, onTestFinished } from 'vitest';
import { numbersUpTo, sequence } from '../../conformance/event-log-fixture.ts';
import { until } from '../../support/until.ts';
import { mortalBroker } from './mortal-broker.ts';

/** More of it: outage.long.test.ts. */
describe('when the broker is killed and comes back', () => {
  const { start, kill, createFixture } = mortalBroker();

  it('a producer writes what it was given meanwhile, in order and once', async () => {
    const f = createFixture();
    const topic = await f.topic({ partitions: 1 });
    const producer = await f.producer();
    await producer.send(sequence(topic, 100));
    await kill();
    const sends = Array.from({ length: 20 }, (_, call) =>
      producer.send(sequence(topic, 10).map((record, index) => ({ ...record, value: `${100 + call * 10 + index}` }))),
    );
    await start();
    await Promise.all(sends);
    const reader = await f.consumer({ topics: [topic], onRecord: (delivery) => delivery.ack() });
    await reader.receives(300);
    expect(reader.values).toEqual(numbersUpTo(300));
  });

  it('a consumer that has crashed meanwhile says so, joins again, and keeps what it had in flight', async () => {
    const f = createFixture();
    const topic = await f.topic();
    const groupId = f.name('group');
    const reader = await f.consumer({ groupId, topics: [topic] });
    await f.send(sequence(topic, 100));
    await reader.receives(100);
    reader.deliveries.forEach((delivery, index) => index % 2 === 0 && delivery.ack());
    await reader.consumer.commit();
    await kill();
    await until(() => reader.faults.length > 0, { timeoutMs: 60_000, what: 'the fault' });
    await start();
    await f.send(sequence(topic, 100).map((record, index) => ({ ...record, value: `${100 + index}` })));
    await until(() => reader.deliveries.length >= 200, { timeoutMs: 60_000, what: () => `200 records; there are ${reader.deliveries.length}` });
    expect(reader.values.toSorted()).toEqual(numbersUpTo(200).toSorted());
    expect(reader.deliveries.every(({ owned }) => owned)).toBe(true);
    reader.ackAll();
    // A commit that the returning broker does not take at once is tried again.
    const committed = async () => (await f.log.admin.committed(groupId, topic)).reduce((sum, { offset }) => sum + offset, 0);
    await until(async () => (await committed()) === 200, { timeoutMs: 60_000, what: 'the commit' });
  }, 180_000);

  it('an address where nothing listens is named', async () => {
    const log = createKafkaLog({ brokers: ['127.0.0.1:9'], clientId: 'outage', logger: silentLogger, settleTimeoutMs: 0 });
    onTestFinished(() => log.close());
    const failure = { code: 'kafka_unreachable', retryable: true, message: expect.stringContaining('127.0.0.1:9') as string };
    await expect(log.admin.ensureTopics([])).rejects.toMatchObject(failure);
    await expect(log.producer()).rejects.toMatchObject(failure);
  });
});
