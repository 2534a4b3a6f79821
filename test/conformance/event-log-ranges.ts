import type { LogRecord, ReadOptions } from '@tandem/shared/log';
import { describe, expect, it } from 'vitest';
import { numbersUpTo, sequence, type Fixture } from './event-log-fixture.ts';

async function read(f: Fixture, options: Omit<ReadOptions, 'partition'> & { partition?: number }): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const batch of f.log.read({ partition: 0, ...options })) records.push(...batch);
  return records;
}

const valuesOf = (records: readonly LogRecord[]): (string | undefined)[] => records.map(({ value }) => value?.toString());

/** Reading ranges of partitions, without a group. */
export function describeRanges(fixture: () => Promise<Fixture>): void {
  describe('reading a range', () => {
    it('gives all that is in a partition, in order and as it was written', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 2 });
      const padding = 'x'.repeat(500);
      await f.send(sequence(topic, 5_000, { partition: 1, headers: { trace: 'ü' } }).map((record) => ({ ...record, value: `${record.value as string} ${padding}` })));
      await f.send(sequence(topic, 3, { partition: 0 }));
      const records = await read(f, { topic, partition: 1 });
      expect(records.map(({ offset }) => offset)).toEqual(Array.from({ length: 5_000 }, (_, offset) => offset));
      expect(valuesOf(records)).toEqual(numbersUpTo(5_000).map((number) => `${number} ${padding}`));
      expect(records[7]).toMatchObject({ topic, partition: 1, offset: 7, key: 'key-7', headers: { trace: 'ü' } });
    });

    it('keeps to the offsets that are asked for, and to those there are', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      await f.send(sequence(topic, 100));
      expect(valuesOf(await read(f, { topic, from: { offset: 10 }, to: 13 }))).toEqual(['10', '11', '12']);
      expect(valuesOf(await read(f, { topic, from: { offset: 98 } }))).toEqual(['98', '99']);
      expect(valuesOf(await read(f, { topic, from: { offset: 98 }, to: 1_000 }))).toEqual(['98', '99']);
      expect(valuesOf(await read(f, { topic, to: 2 }))).toEqual(['0', '1']);
      for (const options of [{ from: { offset: 100 } }, { from: { offset: 1_000 } }, { from: { offset: 7 }, to: 7 }, { to: 0 }]) {
        expect(await read(f, { topic, ...options })).toEqual([]);
      }
    });

    it('as far as a barrier fails where the log has not got so far', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      await f.send(sequence(topic, 10));
      expect(valuesOf(await read(f, { topic, barrier: 10 }))).toEqual(numbersUpTo(10));
      await expect(read(f, { topic, barrier: 11 })).rejects.toMatchObject({ code: 'log_behind' });
      await expect(read(f, { topic, from: { timestamp: Date.now() + 60_000 }, barrier: 11 })).rejects.toMatchObject({ code: 'log_behind' });
    });

    it('starts with the first record of a time or after it', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      const start = Date.now() - 600_000;
      await f.send(sequence(topic, 100).map((record, index) => ({ ...record, timestamp: start + index * 1_000 })));
      expect(valuesOf(await read(f, { topic, from: { timestamp: start + 97_000 } }))).toEqual(['97', '98', '99']);
      expect(valuesOf(await read(f, { topic, from: { timestamp: start + 97_001 } }))).toEqual(['98', '99']);
      expect(valuesOf(await read(f, { topic, from: { timestamp: start - 1 }, to: 1 }))).toEqual(['0']);
      expect(await read(f, { topic, from: { timestamp: start + 100_000 } })).toEqual([]);
    });

    it('ends at once for an empty partition', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      expect(await read(f, { topic })).toEqual([]);
      expect(await read(f, { topic, from: { timestamp: 0 } })).toEqual([]);
    });

    it('ends with what was there when it began, although writing goes on', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      const producer = await f.producer();
      const padding = 'x'.repeat(1_000);
      await producer.send(sequence(topic, 3_000).map((record) => ({ ...record, value: padding })));
      let records = 0;
      for await (const batch of f.log.read({ topic, partition: 0 })) {
        records += batch.length;
        await producer.send(sequence(topic, 100));
      }
      expect(records).toBe(3_000);
    });

    it('of a compacted topic ends too, and has the last value of each key', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1, cleanup: 'compact' });
      await f.send(Array.from({ length: 600 }, (_, version) => ({ topic, key: `key-${version % 3}`, value: `${version}` })));
      const latest = new Map((await read(f, { topic })).map(({ key, value }) => [key, value?.toString()]));
      expect(latest).toEqual(new Map([['key-0', '597'], ['key-1', '598'], ['key-2', '599']]));
    });

    it('ends when its signal aborts, and when nobody wants more', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      const padding = 'x'.repeat(1_000);
      await f.send(sequence(topic, 5_000).map((record) => ({ ...record, value: padding })));
      const abort = new AbortController();
      let records = 0;
      for await (const batch of f.log.read({ topic, partition: 0, signal: abort.signal })) {
        records += batch.length;
        abort.abort();
      }
      expect(records).toBeLessThan(5_000);
      for await (const batch of f.log.read({ topic, partition: 0 })) {
        expect(batch.length).toBeGreaterThan(0);
        break;
      }
      expect(await read(f, { topic, signal: AbortSignal.abort() })).toEqual([]);
    });

    it('fails when the log is closed: what was read until then is not the whole', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      const padding = 'x'.repeat(1_000);
      await f.send(sequence(topic, 5_000).map((record) => ({ ...record, value: padding })));
      const reading = (async () => {
        for await (const _ of f.log.read({ topic, partition: 0 })) await f.log.close();
      })();
      await expect(reading).rejects.toMatchObject({ code: 'log_closed' });
      await expect(read(f, { topic })).rejects.toMatchObject({ code: 'log_closed' });
    });

    it('fails for a topic or a partition that is not there', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      await expect(read(f, { topic: f.name('missing') })).rejects.toMatchObject({ code: 'unknown_topic' });
      await expect(read(f, { topic, partition: 1 })).rejects.toMatchObject({ code: 'unknown_partition' });
    });
  });
}
