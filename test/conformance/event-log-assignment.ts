import { describe, expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { numbersUpTo, sequence, type Fixture, type Reader } from './event-log-fixture.ts';

const PARTITIONS = 8;

/** Groups: who owns what, and what happens to work in flight when that changes. */
export function describeAssignment(fixture: () => Promise<Fixture>): void {
  describe('a group', () => {
    it('shares the partitions of all its topics by number, evenly and stickily, among one to five members', async () => {
      const f = await fixture();
      const topics = [await f.topic({ partitions: PARTITIONS }), await f.topic({ partitions: PARTITIONS }), await f.topic({ partitions: PARTITIONS })];
      const groupId = f.name('group');
      const members: Reader[] = [];
      for (let size = 1; size <= 5; size++) {
        const before = members.map((member) => member.numbers(topics[0] ?? ''));
        members.push(await f.consumer({ groupId, topics }));
        await settled(members, topics, PARTITIONS);
        before.forEach((owned, index) => expect(owned).toEqual(expect.arrayContaining(members[index]?.numbers(topics[0] ?? '') ?? [])));
      }
      while (members.length > 3) {
        const [goer] = members.splice(2, 1);
        const before = members.map((member) => member.numbers(topics[0] ?? ''));
        await goer?.consumer.close();
        await settled(members, topics, PARTITIONS);
        before.forEach((owned, index) => expect(members[index]?.numbers(topics[0] ?? '')).toEqual(expect.arrayContaining(owned)));
      }
    });

    it('neither loses nor, on partitions that stay, doubles what is in flight when a member joins', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: PARTITIONS });
      const groupId = f.name('group');
      const first = await f.consumer({ groupId, topics: [topic] });
      await f.send(sequence(topic, 400));
      await first.receives(400);
      // Some are done, above and below the watermark.
      first.deliveries.forEach((delivery, index) => index % 3 === 0 && delivery.ack());
      const second = await f.consumer({ groupId, topics: [topic], onRecord: (delivery) => delivery.ack() });
      await settled([first, second], [topic], PARTITIONS);
      await f.send(sequence(topic, 400).map((record, index) => ({ ...record, value: `${400 + index}` })));
      const all = (): Set<string | null> => new Set([...first.values, ...second.values]);
      await until(() => all().size === 800, { what: () => `800 records; there are ${all().size}` });

      const kept = new Set(first.numbers(topic));
      const ofKept = first.records.filter(({ partition }) => kept.has(partition)).map(({ value }) => value?.toString());
      expect(new Set(ofKept).size).toBe(ofKept.length);
      expect(second.records.filter(({ partition }) => kept.has(partition))).toEqual([]);
      for (const { record, owned } of first.deliveries) expect(owned).toBe(kept.has(record.partition));
      // The newcomer has everything of what moved that was not below the watermark.
      const moved = first.deliveries.filter(({ owned, record }) => !owned && Number(record.value) % 3 !== 0).map(({ record }) => record.value?.toString());
      for (const value of moved) if (!isDone(first, value)) expect(second.values).toContain(value);
    });

    it('ignores acknowledgements of what went to another member', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 2 });
      const groupId = f.name('group');
      const first = await f.consumer({ groupId, topics: [topic] });
      await f.send(sequence(topic, 100));
      await first.receives(100);
      const second = await f.consumer({ groupId, topics: [topic] });
      await settled([first, second], [topic], 2);
      const lost = second.numbers(topic)[0] ?? -1;
      const count = first.records.filter(({ partition }) => partition === lost).length;
      await second.receives(count);
      first.ackAll();
      await first.consumer.commit();
      expect(first.revoked).toEqual([`${topic}/${lost}`]);
      expect(await f.committed(groupId, topic, lost)).toBeLessThanOrEqual(0);
      expect(await f.committed(groupId, topic, 1 - lost)).toBe(100 - count);
      expect([first.consumer.inFlight, second.consumer.inFlight]).toEqual([0, count]);
    });

    it('ends the tenure of what went to another member, on the strength of which nothing is written then', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 2 });
      const groupId = f.name('group');
      const first = await f.consumer({ groupId, topics: [topic] });
      const tenures = [0, 1].map((partition) => first.consumer.tenure(partition));
      const second = await f.consumer({ groupId, topics: [topic] });
      await settled([first, second], [topic], 2);
      const lost = second.numbers(topic)[0] ?? -1;
      const producer = await f.producer();
      const write = (partition: number) => producer.send([{ topic, partition, key: null, value: 'x' }], tenures[partition]);
      await expect(write(lost)).rejects.toMatchObject({ code: 'tenure_over' });
      await write(1 - lost);
      await first.receives(1);
      await producer.send([{ topic, partition: lost, key: null, value: 'y' }], second.consumer.tenure(lost));
      await second.receives(1);
      expect([first.values, second.values]).toEqual([['x'], ['y']]);
      await producer.close();
    });

    it('hands over what a member commits on leaving, and nothing twice', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: PARTITIONS });
      const groupId = f.name('group');
      const options = { groupId, topics: [topic], onRecord: (delivery: { ack(): void }) => delivery.ack() };
      const first = await f.consumer(options);
      const second = await f.consumer(options);
      await settled([first, second], [topic], PARTITIONS);
      await f.send(sequence(topic, 200));
      await until(() => first.deliveries.length + second.deliveries.length === 200, { what: '200 records' });
      await second.consumer.close();
      await settled([first], [topic], PARTITIONS);
      await f.send(sequence(topic, 200).map((record, index) => ({ ...record, value: `${200 + index}` })));
      await until(() => first.deliveries.length + second.deliveries.length >= 400, { what: '400 records' });
      expect([...first.values, ...second.values].toSorted()).toEqual(numbersUpTo(400).toSorted());
    });

    it('tells a member what it gets and what it loses', async () => {
      const f = await fixture();
      const topic = await f.topic({ partitions: 2 });
      const groupId = f.name('group');
      const first = await f.consumer({ groupId, topics: [topic] });
      expect(first.assigned.toSorted()).toEqual([`${topic}/0`, `${topic}/1`]);
      const second = await f.consumer({ groupId, topics: [topic] });
      await settled([first, second], [topic], 2);
      expect(first.revoked).toEqual(second.assigned);
    });
  });
}

/** Every partition number has one owner, the same for all topics, and shares differ by one at most. */
async function settled(members: readonly Reader[], topics: readonly string[], partitions: number): Promise<void> {
  const shares = (topic: string): number[][] => members.map((member) => member.numbers(topic));
  const isSettled = (): boolean => {
    const owned = topics.map(shares);
    const sizes = owned[0]?.map((share) => share.length) ?? [];
    const together = owned.every((each) => JSON.stringify(each) === JSON.stringify(owned[0]));
    const complete = JSON.stringify(owned[0]?.flat().toSorted((a, b) => a - b)) === JSON.stringify(Array.from({ length: partitions }, (_, number) => number));
    return together && complete && Math.max(...sizes) - Math.min(...sizes) <= 1;
  };
  await until(isSettled, { timeoutMs: 60_000, what: () => `a settled group: ${JSON.stringify(topics.map(shares))}` });
}

/** Whether it was acknowledged, by the pattern of the test. */
function isDone(reader: Reader, value: string | undefined): boolean {
  return reader.values.findIndex((each) => each === value) % 3 === 0;
}
