import { createKafkaLog, type KafkaLog } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Fixture, numbersUpTo, sequence } from '../../conformance/event-log-fixture.ts';
import { startKafkaBroker, type KafkaBroker } from '../../support/kafka-broker.ts';
import { canMount, SmallDisk } from '../../support/small-disk.ts';
import { temporaryFolder } from '../../support/processes.ts';

const mounting = canMount();
if (!mounting) process.stderr.write('NOT TESTED: a broker with a full disk. It needs the right to mount (root, in a container CAP_SYS_ADMIN).\n');

/** A broker of its own, on a disk of its own. */
async function brokerOnDisk(): Promise<{ disk: SmallDisk; broker: KafkaBroker; restart: () => Promise<void> }> {
  const disk = new SmallDisk('tandem-full-disk-', 512);
  const options = { dataDirectory: temporaryFolder('tandem-full-disk-'), properties: { 'log.dirs': `${disk.folder}/data` } };
  const stand = {
    disk,
    broker: await startKafkaBroker(options),
    restart: async () => {
      const { port, controllerPort } = stand.broker;
      stand.broker = await startKafkaBroker({ ...options, port, controllerPort });
    },
  };
  onTestFinished(async () => {
    await stand.broker.kill();
    disk[Symbol.dispose]();
  });
  return stand;
}

const createLog = (broker: KafkaBroker): KafkaLog =>
  createKafkaLog({ brokers: [broker.address], clientId: 'full-disk', logger: silentLogger, sessionTimeoutMs: 6_000, connectionTimeoutMs: 1_000 });

/** Far more than is left of the disk. */
const padding = 'x'.repeat(10_000);

describe.skipIf(!mounting)('when the disk of a broker is full', () => {
  it('the broker ends; what was sent waits, and comes once and in order when it is started again with space', async () => {
    const stand = await brokerOnDisk();
    const log = createLog(stand.broker);
    const f = new Fixture({ log, startVictim: () => Promise.reject(new Error('not here')), close: () => log.close() });
    const [topic, responses] = [await f.topic({ partitions: 1 }), await f.topic({ partitions: 1 })];
    const producer = await f.producer();
    const reader = await f.consumer({ topics: [topic], onRecord: (delivery) => delivery.ack() });
    const writer = await f.log.exclusiveWriter('full-disk');
    await Promise.all([producer.send(sequence(topic, 100)), writer.write(sequence(responses, 10))]);
    await reader.receives(100);

    stand.disk.fill();
    let settled = 0;
    const sends = sequence(topic, 200).map(async (record, index) => {
      await producer.send([{ ...record, value: `${100 + index}`, headers: { padding } }]);
      settled += 1;
    });
    const written = writer.write(sequence(responses, 100, { headers: { padding } })).then(() => 'written', (error: { code: string }) => error.code);
    await stand.broker.process.exited;
    expect(settled).toBeLessThan(200);
    stand.disk.free();
    await stand.restart();

    await Promise.all(sends);
    await reader.receives(300);
    expect(reader.values).toEqual(numbersUpTo(300));
    // All of the batch or nothing, and certainly all where its writer was told so.
    const outcome = await written;
    expect(['written', 'write_uncertain']).toContain(outcome);
    const barrier = await (await f.log.exclusiveWriter('full-disk')).barrier({ topic: responses, partition: 0 });
    let records = 0;
    for await (const batch of f.log.read({ topic: responses, partition: 0, barrier })) records += batch.length;
    expect(outcome === 'written' ? [110] : [10, 110]).toContain(records);
  }, 240_000);
});
