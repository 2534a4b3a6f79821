import type { LogRecord } from '@tandem/shared/log';
import { describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { sequence, type Fixture } from './event-log-fixture.ts';

/** Topics: setting them up, and following them. */
export function describeTopics(fixture: () => Promise<Fixture>): void {
  describe('topics', () => {
    it('are created once, however often and by however many at the same time', async () => {
      const f = await fixture();
      const specs = [f.spec(), f.spec({ partitions: 2, cleanup: 'compact', timestamps: 'append' })];
      const names = specs.map(({ name }) => name);
      const reports = await Promise.all([f.log.admin.ensureTopics(specs), f.log.admin.ensureTopics(specs)]);
      expect(reports.flatMap(({ created }) => created).toSorted()).toEqual(names.toSorted());
      expect(await f.log.admin.ensureTopics(specs)).toEqual({ created: [], differences: [] });
      expect(await f.log.admin.listTopics()).toEqual(expect.arrayContaining(names));
    });

    it('that differ from their specification are named, setting by setting, and left as they are', async () => {
      const f = await fixture();
      const spec = f.spec();
      await f.log.admin.ensureTopics([spec]);
      const other = { ...spec, partitions: 9, cleanup: 'compact', retentionMs: 1_000_000, maxRecordBytes: 5_000, timestamps: 'append' } as const;
      const { created, differences } = await f.log.admin.ensureTopics([other]);
      expect(created).toEqual([]);
      expect(differences).toEqual([
        { topic: spec.name, setting: 'partitions', expected: '9', actual: '4' },
        { topic: spec.name, setting: 'cleanup.policy', expected: 'compact', actual: 'delete' },
        { topic: spec.name, setting: 'retention.ms', expected: '1000000', actual: '3600000' },
        { topic: spec.name, setting: 'max.message.bytes', expected: '5000', actual: '1048576' },
        { topic: spec.name, setting: 'message.timestamp.type', expected: 'LogAppendTime', actual: 'CreateTime' },
      ]);
      expect((await f.log.admin.ensureTopics([spec])).differences).toEqual([]);
      const missing = f.spec();
      expect(await f.log.admin.inspectTopics([other, missing])).toEqual({ missing: [missing.name], differences });
      expect(await f.log.admin.listTopics()).not.toContain(missing.name);
    });

    it('are never created by using them', async () => {
      const f = await fixture();
      const topic = f.name('missing');
      await expect(f.send(sequence(topic, 1))).rejects.toMatchObject({ code: 'unknown_topic' });
      await expect(f.consumer({ topics: [topic] })).rejects.toMatchObject({ code: 'unknown_topic' });
      await expect(f.log.tail({ topic, onRecord: () => undefined })).rejects.toMatchObject({ code: 'unknown_topic' });
      await expect(f.log.admin.offsets(topic)).rejects.toMatchObject({ code: 'unknown_topic' });
      expect(await f.log.admin.listTopics()).not.toContain(topic);
    });

    it('can be deleted, also when they are not there', async () => {
      const f = await fixture();
      const [topic, kept] = [await f.topic(), await f.topic()];
      await f.send([...sequence(topic, 1), ...sequence(kept, 1)]);
      await f.log.admin.deleteTopics([topic, f.name('missing')]);
      await until(async () => !(await f.log.admin.listTopics()).includes(topic), { what: 'the topic to go' });
      await f.send(sequence(kept, 1));
      expect(await f.log.admin.listTopics()).toContain(kept);
    });

    it('know the first and the next offset of their partitions, and what groups have committed', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 2 });
      await f.send(sequence(topic, 5, { partition: 1 }));
      expect(await f.log.admin.offsets(topic)).toEqual([
        { partition: 0, earliest: 0, latest: 0 },
        { partition: 1, earliest: 0, latest: 5 },
      ]);
      expect(await f.log.admin.committed(f.name('group'), topic)).toEqual([
        { partition: 0, offset: -1 },
        { partition: 1, offset: -1 },
      ]);
    });

    it('let a group without members begin somewhere, and no other', async () => {
      const f = await fixture();
      const [topic, groupId] = [await f.topic({ partitions: 2 }), f.name('group')];
      await f.send(sequence(topic, 5, { partition: 0 }));
      await f.log.admin.setCommitted(groupId, topic, [{ partition: 0, offset: 3 }]);
      expect(await f.committed(groupId, topic)).toBe(3);
      const reader = await f.consumer({ groupId, topics: [topic] });
      await until(() => reader.records.length === 2, { what: 'what lies behind it' });
      expect(reader.records.map(({ offset }) => offset)).toEqual([3, 4]);
      await expect(f.log.admin.setCommitted(groupId, topic, [{ partition: 0, offset: 0 }])).rejects.toMatchObject({ code: 'group_active' });
    });
  });

  describe('a tail', () => {
    const state = (records: readonly LogRecord[]): Record<string, string | null> =>
      Object.fromEntries(records.map(({ key, value }): [string, string | null] => [key ?? '', value?.toString() ?? null]));

    it('reads a compacted topic from its start, says when it has caught up, and follows', async () => {
      const f = await fixture();
      const topic = await f.topic({ cleanup: 'compact', partitions: 2 });
      const versions = Array.from({ length: 300 }, (_, version) => ({ topic, key: `key-${version % 3}`, value: `${version}` }));
      await f.send([...versions, { topic, key: 'gone', value: 'x' }, { topic, key: 'gone', value: null }]);
      const records: LogRecord[] = [];
      const tail = await f.log.tail({ topic, onRecord: (record) => void records.push(record) });
      await tail.caughtUp;
      expect(state(records)).toMatchObject({ 'key-0': '297', 'key-1': '298', 'key-2': '299' });
      expect(state(records)['gone'] ?? null).toBeNull();
      await f.send([{ topic, key: 'key-1', value: 'new' }]);
      await until(() => state(records)['key-1'] === 'new', { what: 'the new value' });
    });

    it('of an empty topic has caught up at once', async () => {
      const f = await fixture();
      const tail = await f.log.tail({ topic: await f.topic(), onRecord: () => undefined });
      await expect(tail.caughtUp).resolves.toBeUndefined();
    });

    it('sees everything, whatever groups consume', async () => {
      const f = await fixture();
      const topic = await f.topic();
      await f.send(sequence(topic, 500));
      const reader = await f.consumer({ topics: [topic], onRecord: (delivery) => delivery.ack() });
      await reader.receives(500);
      const tails = await Promise.all([0, 1].map(async () => {
        let count = 0;
        const tail = await f.log.tail({ topic, onRecord: () => void count++ });
        await tail.caughtUp;
        return count;
      }));
      expect(tails).toEqual([500, 500]);
    });

    it('from the latest sees only what is written from then on', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 2 });
      await f.send(sequence(topic, 50));
      const values: string[] = [];
      const tail = await f.log.tail({ topic, startFrom: 'latest', onRecord: ({ value }) => void values.push(String(value)) });
      await tail.caughtUp;
      await f.send([{ topic, key: 'a', value: 'new' }, { topic, key: 'b', value: 'newer' }]);
      await until(() => values.length >= 2, { what: 'what was written after it' });
      expect(values.toSorted()).toEqual(['new', 'newer']);
    });

    it('gives nothing after it is closed', async () => {
      const f = await fixture();
      const topic = await f.topic();
      const records: LogRecord[] = [];
      const tail = await f.log.tail({ topic, onRecord: (record) => void records.push(record) });
      await tail.close();
      await tail.caughtUp;
      const reader = await f.consumer({ topics: [topic], onRecord: (delivery) => delivery.ack() });
      await f.send(sequence(topic, 10));
      await reader.receives(10);
      expect(records).toEqual([]);
    });
  });
}
