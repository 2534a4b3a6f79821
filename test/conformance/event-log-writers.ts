import { TandemError } from '@tandem/shared/errors';
import type { ExclusiveWriter, OutgoingRecord } from '@tandem/shared/log';
import { describe, expect, it } from 'vitest';
import { numbersUpTo, sequence, type Fixture } from './event-log-fixture.ts';

/** Values of all partitions, sorted. */
async function valuesOf(f: Fixture, topic: string): Promise<string[]> {
  const values: string[] = [];
  for (const { partition } of await f.log.admin.offsets(topic)) {
    for await (const records of f.log.read({ topic, partition })) values.push(...records.map(({ value }) => String(value)));
  }
  return values.toSorted();
}

/** As many records on each of the partitions. */
function spread(topic: string, partitions: number, each: number, value: string): OutgoingRecord[] {
  return Array.from({ length: partitions * each }, (_, index) => ({ topic, key: 'any', value: `${value} ${index}`, partition: index % partitions }));
}

/** As the contract says: when a write's fate is not known, a new writer is opened, and reading tells. Returns the writer that may go on. */
async function written(f: Fixture, name: string, writer: ExclusiveWriter, records: readonly OutgoingRecord[]): Promise<ExclusiveWriter> {
  try {
    await writer.write(records);
    return writer;
  } catch (error) {
    if (!(error instanceof TandemError) || error.code !== 'write_uncertain') throw error;
    const next = await f.log.exclusiveWriter(name);
    const [first] = records;
    const there = first === undefined || (await valuesOf(f, first.topic)).includes(String(first.value));
    return there ? next : written(f, name, next, records);
  }
}

/** Writers of which there is one by a name. */
export function describeExclusiveWriters(fixture: () => Promise<Fixture>): void {
  describe('an exclusive writer', () => {
    it('writes batch after batch, to the partitions that keys choose or records name', async () => {
      const f = await fixture();
      const [topic, other] = [await f.topic({ partitions: 2 }), await f.topic({ partitions: 2 })];
      const writer = await f.log.exclusiveWriter(f.name('writer'));
      for (let batch = 0; batch < 5; batch++) {
        await writer.write([...sequence(topic, 20).map((record, index) => ({ ...record, value: `${batch * 20 + index}` })), { topic: other, key: 'a', value: `${batch}`, partition: 1 }]);
      }
      await writer.write([]);
      expect(await valuesOf(f, topic)).toEqual(numbersUpTo(100).toSorted());
      const plain = await f.topic({ partitions: 2 });
      await f.send(sequence(plain, 100));
      const ends = async (name: string): Promise<boolean[]> => (await f.log.admin.offsets(name)).map(({ latest }) => latest > 0);
      expect(await ends(topic)).toEqual(await ends(plain));
      expect(await ends(other)).toEqual([false, true]);
    });

    it('takes more than fits into one request, and keeps the order', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1, maxRecordBytes: 100_000 });
      const writer = await f.log.exclusiveWriter(f.name('writer'));
      const padding = 'x'.repeat(1_000);
      await writer.write(sequence(topic, 1_500).map((record) => ({ ...record, value: `${record.value as string} ${padding}` })));
      const values: string[] = [];
      for await (const records of f.log.read({ topic, partition: 0 })) values.push(...records.map(({ value }) => String(value).split(' ')[0] ?? ''));
      expect(values).toEqual(numbersUpTo(1_500));
    });

    it('is read by consumers and tails as others are', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 2 });
      const writer = await f.log.exclusiveWriter(f.name('writer'));
      await writer.write(sequence(topic, 50));
      const reader = await f.consumer({ topics: [topic], onRecord: (delivery) => delivery.ack() });
      await reader.receives(50);
      let tailed = 0;
      const tail = await f.log.tail({ topic, onRecord: () => void tailed++ });
      await tail.caughtUp;
      expect([tailed, reader.values.toSorted()]).toEqual([50, numbersUpTo(50).toSorted()]);
    });

    it('writes nothing of a batch with a record that is too large, and then goes on', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 3, maxRecordBytes: 10_000 });
      const writer = await f.log.exclusiveWriter(f.name('writer'));
      for (const round of ['first', 'second']) {
        const batch = [...spread(topic, 3, 5, `lost ${round}`), { topic, key: 'a', value: 'x'.repeat(20_000), partition: 1 }];
        await expect(writer.write(batch)).rejects.toMatchObject({ code: 'record_too_large', retryable: false });
        await writer.write(spread(topic, 3, 5, round));
      }
      expect(await valuesOf(f, topic)).toEqual([...spread(topic, 3, 5, 'first'), ...spread(topic, 3, 5, 'second')].map(({ value }) => value as string).toSorted());
    });

    it('writes nothing where a topic or a partition is not there', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      const writer = await f.log.exclusiveWriter(f.name('writer'));
      await expect(writer.write([...sequence(topic, 1), { topic: f.name('missing'), key: 'a', value: 'x' }])).rejects.toMatchObject({ code: 'unknown_topic' });
      await expect(writer.write([...sequence(topic, 1), { topic, key: 'a', value: 'x', partition: 1 }])).rejects.toMatchObject({ code: 'unknown_partition' });
      await writer.write(sequence(topic, 1));
      expect(await valuesOf(f, topic)).toEqual(['0']);
    });

    it('is fenced by the next of its name, which finds all that it has written', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 3 });
      const name = f.name('writer');
      const first = await written(f, name, await f.log.exclusiveWriter(name), spread(topic, 3, 4, 'first'));
      const second = await f.log.exclusiveWriter(name);
      expect(await valuesOf(f, topic)).toHaveLength(12);
      for (let tries = 0; tries < 2; tries++) {
        await expect(first.write(spread(topic, 3, 4, 'zombie'))).rejects.toMatchObject({ code: 'writer_fenced', retryable: false });
      }
      await written(f, name, second, spread(topic, 3, 4, 'second'));
      const values = await valuesOf(f, topic);
      expect(values).toHaveLength(24);
      expect(values.filter((value) => value.startsWith('zombie'))).toEqual([]);
    });

    it('of another name is not concerned', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      const [first, second] = [await f.log.exclusiveWriter(f.name('writer')), await f.log.exclusiveWriter(f.name('writer'))];
      await Promise.all([first.write(sequence(topic, 10)), second.write(sequence(topic, 10))]);
      await first.write(sequence(topic, 10));
      expect(await valuesOf(f, topic)).toHaveLength(30);
    });

    it('that is taken over in the middle has written each batch whole or not at all', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 3 });
      const name = f.name('writer');
      const outcomes: string[] = [];
      for (let round = 0; round < 5; round++) {
        const writer = await f.log.exclusiveWriter(name);
        const written = writer.write(spread(topic, 3, 2, `${round}`)).then(() => 'written', (error: { code: string }) => error.code);
        await f.log.exclusiveWriter(name);
        const present = (await valuesOf(f, topic)).filter((value) => value.startsWith(`${round} `)).length;
        const outcome = await written;
        outcomes.push(outcome);
        if (outcome === 'written') expect(present).toBe(6);
        if (outcome === 'writer_fenced') expect(present).toBe(0);
        expect([0, 6]).toContain(present);
      }
      expect(['written', 'writer_fenced', 'write_uncertain']).toEqual(expect.arrayContaining(outcomes));
    });

    it('gives barriers: reading as far as one finds all that was written before it, and nothing of its own', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 2 });
      const writer = await f.log.exclusiveWriter(f.name('writer'));
      const read = async (barrier: number): Promise<string[]> => {
        const values: string[] = [];
        for await (const records of f.log.read({ topic, partition: 1, from: { timestamp: 1 }, barrier })) values.push(...records.map(({ value }) => String(value)));
        return values;
      };
      expect(await read(await writer.barrier({ topic, partition: 1 }))).toEqual([]);
      await writer.write(sequence(topic, 5, { partition: 1 }));
      await f.send([{ topic, key: 'a', value: 'from another', partition: 1 }]);
      const barrier = await writer.barrier({ topic, partition: 1 });
      await writer.write([{ topic, key: 'a', value: 'later', partition: 1 }]);
      expect(await read(barrier)).toEqual([...numbersUpTo(5), 'from another']);
      const reader = await f.consumer({ topics: [topic], onRecord: (delivery) => delivery.ack() });
      await reader.receives(7);
      expect(reader.values).toEqual([...numbersUpTo(5), 'from another', 'later']);
      expect(await valuesOf(f, topic)).toHaveLength(7);
    });

    it('gives no barriers once it is fenced or closed, nor for a partition that is not there', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      const name = f.name('writer');
      const first = await f.log.exclusiveWriter(name);
      await expect(first.barrier({ topic, partition: 1 })).rejects.toMatchObject({ code: 'unknown_partition' });
      const second = await f.log.exclusiveWriter(name);
      await expect(first.barrier({ topic, partition: 0 })).rejects.toMatchObject({ code: 'writer_fenced' });
      await second.close();
      await expect(second.barrier({ topic, partition: 0 })).rejects.toMatchObject({ code: 'producer_closed' });
    });

    it('writes nothing after it is closed', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      const writer = await f.log.exclusiveWriter(f.name('writer'));
      await writer.close();
      await expect(writer.write(sequence(topic, 1))).rejects.toMatchObject({ code: 'producer_closed' });
      expect(await valuesOf(f, topic)).toEqual([]);
    });
  });
}
