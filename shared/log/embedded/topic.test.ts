import { fixedTopics } from '@tandem/schemas';
import { describe, expect, it } from 'vitest';
import { Topic } from './topic.ts';

const spec = fixedTopics({ prefix: '', partitions: 1 }).find(({ name }) => name === 'dead-letters')!;
const letter = (key: string, timestamp: number, value: string | null = 'v') =>
  ({ key, value: value === null ? null : Buffer.from(value), headers: {}, timestamp });
const keysOf = (topic: Topic) => {
  const [log] = topic.partitions;
  const keys: (string | null)[] = [];
  for (let record = log!.at(log!.earliest); record !== undefined; record = log!.at(record.offset + 1)) keys.push(record.key);
  return keys;
};

describe('a topic that is compacted and deleted from', () => {
  it('keeps the newest record of a key, and none of a deleted one', () => {
    const topic = new Topic(spec);
    topic.append(0, letter('gone', 1), 10);
    topic.append(0, letter('gone', 1, null), 10);
    for (let i = 0; i < 200; i += 1) topic.append(0, letter('again', i), 10);
    topic.append(0, letter('other', 200), 10);
    const keys = keysOf(topic);
    expect(keys.length).toBeLessThan(70);
    expect(keys).not.toContain('gone');
    expect(keys.at(-1)).toBe('other');
  });

  it('drops what is older than its retention, and compacts what comes after', () => {
    const topic = new Topic(spec);
    for (let i = 0; i < 100; i += 1) topic.append(0, letter(`old-${i}`, 0), 10);
    topic.append(0, letter('new', spec.retentionMs + 1), 10);
    expect(topic.reclaim(spec.retentionMs + 1, () => 0, 10_000)).toBe(1_000);
    expect(keysOf(topic)).toEqual(['new']);
    for (let i = 0; i < 70; i += 1) topic.append(0, letter('new', spec.retentionMs + 2), 10);
    expect(keysOf(topic).length).toBeLessThan(66);
  });
});
