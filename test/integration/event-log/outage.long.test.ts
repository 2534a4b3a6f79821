import { isRetryable } from '@tandem/shared/errors';
import { describe, expect, it } from 'vitest';
import { Fixture, numbersUpTo, sequence } from '../../conformance/event-log-fixture.ts';
import { until } from '../../support/until.ts';
import { mortalBroker } from './mortal-broker.ts';

describe('when the broker is killed and comes back', () => {
  const { start, kill, createLog, createFixture } = mortalBroker();

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
        await kill();
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
        await kill();
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

  it('closing does not wait for it', async () => {
    const connections = (): number => process.getActiveResourcesInfo().filter((resource) => resource.startsWith('TCP')).length;
    const before = connections();
    const log = createLog();
    const f = new Fixture({ log, startVictim: () => Promise.reject(new Error('not here')), close: () => log.close() });
    const topic = await f.topic();
    const producer = await f.producer();
    await f.consumer({ topics: [topic] });
    await kill();
    const failure = expect(producer.send(sequence(topic, 10))).rejects.toMatchObject({ code: 'producer_closed' });
    await log.close();
    await failure;
    // Nothing is left that would keep the process alive.
    await until(() => connections() <= before, { what: () => `connections to end: ${connections()} instead of ${before}` });
  });
});
