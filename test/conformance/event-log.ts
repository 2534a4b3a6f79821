import { partitionOfKey, type Delivery } from '@tandem/shared/log';
import { describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { describeAssignment } from './event-log-assignment.ts';
import { Fixture, numbersUpTo, sequence, type EventLogHarness } from './event-log-fixture.ts';
import { describeRanges } from './event-log-ranges.ts';
import { describeTopics } from './event-log-topics.ts';
import { describeExclusiveWriters } from './event-log-writers.ts';

const ack = (delivery: Delivery): void => delivery.ack();

/** What every implementation of the event log does. The precise meaning of shared/log/types.ts. */
export function describeEventLog(name: string, createHarness: () => Promise<EventLogHarness>): void {
  const fixture = async (): Promise<Fixture> => new Fixture(await createHarness());

  describe(`the ${name} event log`, () => {
    describeWriting(fixture);
    describeConsuming(fixture);
    describeBackPressure(fixture);
    describeAssignment(fixture);
    describeTopics(fixture);
    describeRanges(fixture);
    describeExclusiveWriters(fixture);
  });
}

function describeWriting(fixture: () => Promise<Fixture>): void {
  describe('writing', () => {
    it('keeps the order of each key, over many sends at once, on the partition that the key chooses', async () => {
      const f = await fixture();
      const topic = await f.topic();
      const producer = await f.producer();
      const sends = Array.from({ length: 40 }, (_, call) => {
        const records = sequence(topic, 50).map((record, index) => ({ ...record, value: `${call * 50 + index}` }));
        return producer.send(records);
      });
      await Promise.all(sends);
      const reader = await f.consumer({ topics: [topic], onRecord: ack });
      await reader.receives(2_000);
      const byKey = Map.groupBy(reader.records, ({ key }) => key);
      for (const [key, records] of byKey) {
        expect(records.map(({ value }) => Number(value))).toEqual(records.map(({ value }) => Number(value)).toSorted((a, b) => a - b));
        for (const { partition } of records) expect(partition).toBe(partitionOfKey(key ?? '', 4));
      }
      expect([...byKey.values()].map((records) => records.length)).toEqual(new Array(50).fill(40));
    });

    it('carries keys, values and headers as they are', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      const records = [
        { topic, key: '', value: 'empty key' },
        { topic, key: null, value: 'no key' },
        { topic, key: 'Größe-日本-🦊', value: 'non-ASCII', headers: { traceparent: '00-ab-cd-01', 'x-ü': 'naïve', empty: '' } },
        { topic, key: 'tombstone', value: null },
        { topic, key: 'empty', value: '' },
        { topic, key: 'bytes', value: Buffer.from([0, 255, 128, 10]) },
      ];
      await f.send(records);
      const reader = await f.consumer({ topics: [topic], onRecord: ack });
      await reader.receives(records.length);
      expect(reader.records.map(({ key, headers, value }) => ({ key, headers: { ...headers }, value }))).toEqual(
        records.map(({ key, headers = {}, value }) => ({ key, headers, value: typeof value === 'string' ? Buffer.from(value) : value })),
      );
    });

    it('writes to a partition that is named', async () => {
      const f = await fixture();
      const topic = await f.topic();
      await f.send([{ topic, key: 'a', value: 'x', partition: 3 }, { topic, key: 'b', value: 'y', partition: 0 }]);
      expect((await f.log.admin.offsets(topic)).map(({ latest }) => latest)).toEqual([1, 0, 0, 1]);
      const failure = f.send([{ topic, key: 'a', value: 'x', partition: 4 }]);
      await expect(failure).rejects.toMatchObject({ code: 'unknown_partition' });
    });

    it('takes 10,000 records of 1 KB for one partition in one call', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      const padding = 'x'.repeat(1_000);
      await f.send(sequence(topic, 10_000).map((record) => ({ ...record, value: `${record.value as string} ${padding}` })));
      const reader = await f.consumer({ topics: [topic], onRecord: ack });
      await reader.receives(10_000);
      expect(reader.values.map((value) => value?.split(' ')[0])).toEqual(numbersUpTo(10_000));
    });

    it('fails for a record that is too large, and for that one alone', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 2, maxRecordBytes: 10_000 });
      const producer = await f.producer();
      const records = sequence(topic, 20).map((record, index) => (index === 7 ? { ...record, value: 'x'.repeat(20_000) } : record));
      await expect(producer.send(records)).rejects.toMatchObject({ code: 'record_too_large', retryable: false });
      await producer.send([{ topic, key: 'after', value: 'after' }]);
      const reader = await f.consumer({ topics: [topic], onRecord: ack });
      await reader.receives(20);
      const expected = [...numbersUpTo(20).filter((value) => value !== '7'), 'after'];
      expect(reader.values.toSorted()).toEqual(expected.toSorted());
    });

    it('stamps append time where the topic says so, else takes the record\'s', async () => {
      const f = await fixture();
      const [appended, created] = [await f.topic({ timestamps: 'append' }), await f.topic()];
      const before = Date.now();
      const records = [appended, created].map((topic) => ({ topic, key: 'a', value: 'x', timestamp: 1_700_000_000_000 }));
      await f.send(records);
      const reader = await f.consumer({ topics: [appended, created], onRecord: ack });
      await reader.receives(2);
      const stamps = new Map(reader.records.map(({ topic, timestamp }) => [topic, timestamp]));
      // The broker's clock may differ a little.
      expect(stamps.get(appended)).toBeGreaterThan(before - 10_000);
      expect(stamps.get(created)).toBe(1_700_000_000_000);
    });

    it('takes nothing after it is closed, but finishes what it took before', async () => {
      const f = await fixture();
      const topic = await f.topic();
      const producer = await f.producer();
      const sent = producer.send(sequence(topic, 100));
      await Promise.all([producer.close(), sent]);
      await expect(producer.send(sequence(topic, 1))).rejects.toMatchObject({ code: 'producer_closed' });
    });

    it('never delivers inside the call that sends', async () => {
      const f = await fixture();
      const topic = await f.topic();
      const producer = await f.producer();
      let sending = false;
      const inside: boolean[] = [];
      const reader = await f.consumer({
        topics: [topic],
        onRecord: (delivery) => {
          inside.push(sending);
          delivery.ack();
        },
      });
      sending = true;
      const sent = producer.send(sequence(topic, 10));
      sending = false;
      await sent;
      await reader.receives(10);
      expect(inside).not.toContain(true);
    });
  });
}

function describeConsuming(fixture: () => Promise<Fixture>): void {
  describe('consuming', () => {
    it('commits the watermark of the contiguous prefix when acknowledgements come out of order', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      const groupId = f.name('group');
      await f.send(sequence(topic, 10));
      const reader = await f.consumer({ groupId, topics: [topic] });
      await reader.receives(10);
      for (const delivery of reader.deliveries.slice(3).reverse()) delivery.ack();
      await reader.consumer.commit();
      expect(await f.committed(groupId, topic)).toBeLessThanOrEqual(0);
      reader.deliveries[0]?.ack();
      reader.deliveries[1]?.ack();
      await reader.consumer.commit();
      expect(await f.committed(groupId, topic)).toBe(2);
      reader.deliveries[2]?.ack();
      await reader.consumer.commit();
      expect(await f.committed(groupId, topic)).toBe(10);
      expect(reader.consumer.inFlight).toBe(0);
    });

    it('commits by itself, soon after acknowledgements', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      const groupId = f.name('group');
      await f.consumer({ groupId, topics: [topic], commitIntervalMs: 20, onRecord: ack });
      await f.send(sequence(topic, 10));
      await until(async () => (await f.committed(groupId, topic)) === 10, { everyMs: 50, what: 'the commit' });
    });

    it('gives a successor what was not acknowledged, from the watermark on', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      const groupId = f.name('group');
      await f.send(sequence(topic, 10));
      const first = await f.consumer({ groupId, topics: [topic] });
      await first.receives(10);
      for (const index of [0, 1, 2, 3, 7]) first.deliveries[index]?.ack();
      await first.consumer.close();
      const second = await f.consumer({ groupId, topics: [topic], onRecord: ack });
      await second.receives(6);
      expect(second.values).toEqual(['4', '5', '6', '7', '8', '9']);
    });

    it('gives others what a killed consumer held', async () => {
      const f = await fixture();
      const topic = await f.topic();
      const groupId = f.name('group');
      await f.send(sequence(topic, 200));
      const victim = await f.startVictim({ groupId, topic });
      await victim.holds(200);
      await victim.kill();
      const survivor = await f.consumer({ groupId, topics: [topic], onRecord: ack });
      await survivor.receives(200);
      expect(survivor.values.toSorted()).toEqual(numbersUpTo(200).toSorted());
    });

    it('drains: stops delivering, takes acknowledgements, and closing commits them', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      const groupId = f.name('group');
      await f.send(sequence(topic, 100));
      const reader = await f.consumer({ groupId, topics: [topic], maxInFlight: 10 });
      await reader.receives(10);
      reader.consumer.stopDelivering();
      reader.ackAll();
      expect(reader.consumer.inFlight).toBe(0);
      await f.send(sequence(topic, 5));
      await reader.consumer.close();
      expect(reader.deliveries).toHaveLength(10);
      expect(await f.committed(groupId, topic)).toBe(10);
    });

    it('starts a new group at the end where it is told to', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      await f.send([{ topic, key: 'a', value: 'before' }]);
      const groupId = f.name('group');
      const options = { groupId, topics: [topic], startFrom: 'latest' } as const;
      const first = await f.consumer(options);
      await f.send([{ topic, key: 'a', value: 'after' }]);
      await first.receives(1);
      expect(first.values).toEqual(['after']);
      // A successor does not take a later end for its beginning.
      await first.consumer.close();
      const second = await f.consumer(options);
      await second.receives(1);
      expect(second.values).toEqual(['after']);
    });

    it('tells how many records wait', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      await f.send(sequence(topic, 50));
      const reader = await f.consumer({ topics: [topic], maxInFlight: 20 });
      await reader.receives(20);
      expect(reader.consumer.lag()).toBe(30);
      expect([reader.consumer.lag(topic), reader.consumer.lag('another')]).toEqual([30, 0]);
    });

    it('goes on when a handler throws, and reports it', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 1 });
      await f.send(sequence(topic, 3));
      const reader = await f.consumer({
        topics: [topic],
        onRecord: ({ record }) => {
          if (record.value?.toString() === '1') throw new Error('a defect in the handler');
        },
      });
      await reader.receives(3);
      expect(reader.faults.map(String)).toEqual(['Error: a defect in the handler']);
    });
  });
}

function describeBackPressure(fixture: () => Promise<Fixture>): void {
  describe('back-pressure', () => {
    it('keeps at most maxInFlight records of a topic unacknowledged, while another topic goes on', async () => {
      const f = await fixture();
      const [slow, fast] = [await f.topic(), await f.topic()];
      const reader = await f.consumer({
        topics: [slow, fast],
        maxInFlight: 10,
        onRecord: (delivery) => {
          if (delivery.record.topic === fast) delivery.ack();
        },
      });
      await f.send([...sequence(slow, 100), ...sequence(fast, 100)]);
      await reader.receives(110);
      const held = reader.deliveries.filter(({ record }) => record.topic === slow);
      expect([held.length, reader.consumer.inFlight]).toEqual([10, 10]);
      held[4]?.ack();
      await reader.receives(111);
      expect(reader.consumer.inFlight).toBe(10);
    });

    it('loses nothing with a buffer far smaller than the backlog', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 2 });
      const padding = 'x'.repeat(500);
      await f.send(sequence(topic, 2_000).map((record) => ({ ...record, value: `${record.value as string} ${padding}` })));
      let largest = 0;
      const reader = await f.consumer({
        topics: [topic],
        maxInFlight: 7,
        maxFetchBytesPerPartition: 8_192,
        onRecord: (delivery) => {
          largest = Math.max(largest, reader.consumer.inFlight);
          setImmediate(() => delivery.ack());
        },
      }).then((started) => started);
      await reader.receives(2_000);
      expect(reader.values.map((value) => value?.split(' ')[0]).toSorted()).toEqual(numbersUpTo(2_000).toSorted());
      expect(largest).toBeLessThanOrEqual(7);
    });

    it('pauses topics and resumes them without loss', async () => {
      const f = await fixture();
      const [paused, open] = [await f.topic(), await f.topic()];
      const reader = await f.consumer({ topics: [paused, open], onRecord: ack });
      await f.send(sequence(paused, 20));
      await reader.receives(20);
      reader.consumer.pause([paused]);
      await f.send([...sequence(paused, 80), ...sequence(open, 30)]);
      await reader.receives(50);
      await f.send(sequence(open, 30));
      await reader.receives(80);
      expect(reader.records.filter(({ topic }) => topic === paused)).toHaveLength(20);
      reader.consumer.resume([paused]);
      await reader.receives(160);
      expect(reader.records.filter(({ topic }) => topic === paused)).toHaveLength(100);
    });

    it('stays paused through rebalances, and loses nothing by them', async () => {
      const f = await fixture();
      const [paused, open] = [await f.topic({ partitions: 2 }), await f.topic({ partitions: 2 })];
      const groupId = f.name('group');
      const first = await f.consumer({ groupId, topics: [paused, open], onRecord: ack });
      first.consumer.pause([paused]);
      await f.send(sequence(paused, 100));
      const second = await f.consumer({ groupId, topics: [paused, open], onRecord: ack });
      await until(() => first.numbers(open).length === 1 && second.numbers(open).length === 1, { what: 'two owners' });
      await second.receives(1);
      await second.consumer.close();
      await until(() => first.numbers(open).length === 2, { what: 'one owner' });
      await f.send(sequence(open, 40));
      await first.receives(40);
      expect(first.records.filter(({ topic }) => topic === paused)).toEqual([]);
      first.consumer.resume();
      const handled = (): Set<string | null> => new Set([...first.records, ...second.records].filter(({ topic }) => topic === paused).map(({ value }) => value?.toString() ?? null));
      await until(() => handled().size === 100, { what: () => `all 100 records; there are ${handled().size}` });
    });
  });
}
