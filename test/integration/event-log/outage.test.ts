import { rmSync } from 'node:fs';
import { createKafkaLog, type KafkaLog } from '@tandem/shared/log';
import { isRetryable } from '@tandem/shared/errors';
import { silentLogger } from '@tandem/shared/telemetry';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Fixture, numbersUpTo, sequence } from '../../conformance/event-log-fixture.ts';
import { startKafkaBroker, type KafkaBroker } from '../../support/kafka-broker.ts';
import { temporaryFolder } from '../../support/processes.ts';
import { until } from '../../support/until.ts';

/** A broker of this file's own, which dies and comes back with its data. */
describe('when the broker is killed and comes back', () => {
  const dataDirectory = temporaryFolder('tandem-outage-');
  let broker: KafkaBroker;

  const start = async (): Promise<void> => {
    const ports = broker === undefined ? {} : { port: broker.port, controllerPort: broker.controllerPort };
    broker = await startKafkaBroker({ dataDirectory, ...ports });
  };

  beforeAll(start);
  afterAll(async () => {
    await broker.kill();
    rmSync(dataDirectory, { recursive: true, force: true });
  });

  const createLog = (): KafkaLog =>
    createKafkaLog({ brokers: [broker.address], clientId: 'outage', logger: silentLogger, sessionTimeoutMs: 6_000, connectionTimeoutMs: 1_000 });

  const createFixture = (): Fixture => {
    const log = createLog();
    return new Fixture({ log, startVictim: () => Promise.reject(new Error('not here')), close: () => log.close() });
  };

  it('a producer writes what it was given meanwhile, in order and once', async () => {
    const f = createFixture();
    const topic = await f.topic({ partitions: 1 });
    const producer = await f.producer();
    await producer.send(sequence(topic, 100));
    await broker.kill();
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
    await broker.kill();
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

  it('a range is read to its end, each record once, and a tail goes on', async () => {
    const f = createFixture();
    const topic = await f.topic({ partitions: 1 });
    const padding = 'x'.repeat(1_000);
    await f.send(sequence(topic, 10_000).map((record) => ({ ...record, value: `${record.value as string} ${padding}` })));
    const tailed: number[] = [];
    const tail = await f.log.tail({ topic, onRecord: ({ offset }) => void tailed.push(offset) });
    await tail.caughtUp;
    const values: (string | undefined)[] = [];
    let restarted: Promise<void> | undefined;
    for await (const batch of f.log.read({ topic, partition: 0 })) {
      values.push(...batch.map(({ value }) => value?.toString().split(' ')[0]));
      if (restarted === undefined) {
        await broker.kill();
        restarted = start();
      }
    }
    await restarted;
    expect(values).toEqual(numbersUpTo(10_000));
    await f.send(sequence(topic, 5));
    await until(() => tailed.length >= 10_005, { timeoutMs: 60_000, what: () => `the tail to go on; it has ${tailed.length}` });
    expect(tailed).toEqual(Array.from({ length: 10_005 }, (_, offset) => offset));
  }, 180_000);

  it('an exclusive writer writes each batch once: what it does not know, the next one of its name can see', async () => {
    const f = createFixture();
    const topic = await f.topic({ partitions: 2 });
    const present = async (value: string): Promise<number> => {
      let count = 0;
      for (const partition of [0, 1]) for await (const records of f.log.read({ topic, partition })) count += records.filter((record) => String(record.value) === value).length;
      return count;
    };
    const name = f.name('writer');
    const open = async (): ReturnType<typeof f.log.exclusiveWriter> => {
      for (;;) {
        try {
          return await f.log.exclusiveWriter(name);
        } catch (error) {
          if (!isRetryable(error)) throw error;
        }
      }
    };
    let writer = await open();
    for (let batch = 0; batch < 6; batch++) {
      const records = [0, 1].map((partition) => ({ topic, key: 'a', value: `${batch}`, partition }));
      const outcome = writer.write(records).then(() => undefined, (error: unknown) => error);
      if (batch === 2) {
        await broker.kill();
        await start();
      }
      const failure = await outcome;
      if (failure === undefined) continue;
      expect(failure).toMatchObject({ code: 'write_uncertain', retryable: true });
      writer = await open();
      if ((await present(`${batch}`)) === 0) await writer.write(records);
    }
    expect(await Promise.all(['0', '1', '2', '3', '4', '5'].map(present))).toEqual([2, 2, 2, 2, 2, 2]);
  }, 240_000);

  it('an address where nothing listens is named', async () => {
    const log = createKafkaLog({ brokers: ['127.0.0.1:9'], clientId: 'outage', logger: silentLogger, settleTimeoutMs: 0 });
    onTestFinished(() => log.close());
    const failure = { code: 'kafka_unreachable', retryable: true, message: expect.stringContaining('127.0.0.1:9') as string };
    await expect(log.admin.ensureTopics([])).rejects.toMatchObject(failure);
    await expect(log.producer()).rejects.toMatchObject(failure);
  });

  it('closing does not wait for it', async () => {
    const connections = (): number => process.getActiveResourcesInfo().filter((resource) => resource.startsWith('TCP')).length;
    const before = connections();
    const log = createLog();
    const f = new Fixture({ log, startVictim: () => Promise.reject(new Error('not here')), close: () => log.close() });
    const topic = await f.topic();
    const producer = await f.producer();
    await f.consumer({ topics: [topic] });
    await broker.kill();
    const failure = expect(producer.send(sequence(topic, 10))).rejects.toMatchObject({ code: 'producer_closed' });
    await log.close();
    await failure;
    // Nothing is left that would keep the process alive.
    await until(() => connections() <= before, { what: () => `connections to end: ${connections()} instead of ${before}` });
  });
});
