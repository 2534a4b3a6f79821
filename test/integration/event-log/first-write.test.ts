import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { createKafkaLog } from '@tandem/shared/log';
import { expect, inject, it } from 'vitest';

const SPEC = { producer: 'test', consumer: 'test', schema: 'none', key: 'none', partitions: 4, cleanup: 'delete', retentionMs: 600_000, maxRecordBytes: 1_048_576, timestamps: 'append' } as const;

it("a producer's first records are written at the first try", async () => {
  const lines: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
  await using log = createKafkaLog({ brokers: inject('kafka').split(','), clientId: 'first-write', logger });
  const topic = `first-write-${randomUUID().slice(0, 8)}`;
  await log.admin.ensureTopics([{ ...SPEC, name: topic }]);
  const producer = await log.producer();
  await producer.send(Array.from({ length: 20 }, (_, index) => ({ topic, key: `${index}`, value: 'x' })));
  expect(lines.filter((line) => /produce request failed|cannot be written|tried again/.test(line))).toEqual([]);
  expect((await log.admin.offsets(topic)).reduce((sum, { latest }) => sum + latest, 0)).toBe(20);
});
