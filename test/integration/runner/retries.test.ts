import { randomUUID } from 'node:crypto';
import { fixedTopics } from '@tandem/schemas';
import { systemClock } from '@tandem/shared/clock';
import { TandemError } from '@tandem/shared/errors';
import { createKafkaLog, type LogRecord } from '@tandem/shared/log';
import { RunningStage, type Stage } from '@tandem/shared/runner';
import { createMetrics, noTracing, silentLogger } from '@tandem/shared/telemetry';
import { expect, inject, onTestFinished, test } from 'vitest';
import { until } from '../../support/until.ts';

const RECORDS = 200;

/** Members of one group on real Kafka, whose stage fails each of its records as often as told. */
async function group() {
  const prefix = `test-${randomUUID().slice(0, 8)}.`;
  const log = createKafkaLog({ brokers: [inject('kafka')], clientId: 'retries', logger: silentLogger });
  onTestFinished(() => log.close());
  const topics = fixedTopics({ prefix, partitions: 4 });
  await log.admin.ensureTopics(topics, { replicationFactor: 1 });
  // Kafka took every setting as it was meant, also of the compacted and deleted dead letters.
  expect((await log.admin.ensureTopics(topics)).differences).toEqual([]);
  const producer = await log.producer();
  const failures = new Map<string, number>();
  /** Those that fail do so until it is over. */
  const trouble = { isOver: false };
  const seen: LogRecord[] = [];
  const member = async () => {
    const stage: Stage = {
      name: 'scheduler',
      inputs: [{ group: 'scheduler', topics: [`${prefix}tasks`] }],
      handle(record) {
        seen.push(record);
        const value = record.value?.toString() ?? '';
        const left = failures.get(value) ?? 0;
        if (trouble.isOver) failures.set(value, left - 1);
        if (left > 0) throw new TandemError('not now', { code: 'away', retryable: true });
        return [{ topic: `${prefix}outcomes`, key: record.key, value }];
      },
    };
    const running = await RunningStage.start(stage, {
      log, producer, prefix, clock: systemClock, logger: silentLogger, metrics: createMetrics({ processMetrics: false }), tracing: noTracing,
      retryBaseMs: 1, retryDelayMs: () => 1_500, maxHeldRecords: 20, maxDeliveries: 1_000,
    });
    onTestFinished(() => running.stop());
    return running;
  };
  const outcomes: string[] = [];
  await log.tail({ topic: `${prefix}outcomes`, onRecord: ({ value }) => outcomes.push(value?.toString() ?? '') });
  const lag = async (topic: string) => {
    const [ends, committed] = await Promise.all([log.admin.offsets(prefix + topic), log.admin.committed(`${prefix}scheduler`, prefix + topic)]);
    return ends.reduce((sum, { partition, latest }) => sum + latest - Math.max(0, committed.find((each) => each.partition === partition)?.offset ?? 0), 0);
  };
  return { prefix, producer, failures, trouble, seen, member, outcomes, lag };
}

test('records put off on Kafka block nothing, are handled by whoever has their partition then, and are not lost when a member leaves', async () => {
  const { prefix, producer, failures, trouble, seen, member, outcomes, lag } = await group();
  const values = Array.from({ length: RECORDS }, (_, index) => `value ${index}`);
  values.forEach((value, index) => failures.set(value, index % 2 === 0 ? 1 : 0));
  const [first] = await Promise.all([member(), member()]);
  await producer.send(values.map((value, index) => ({ topic: `${prefix}tasks`, key: `key ${index % 17}`, value, headers: { mine: value } })));
  await until(async () => (await lag('tasks')) === 0, { what: 'the source topic to be acknowledged' });
  expect(outcomes.length).toBeLessThan(RECORDS);
  trouble.isOver = true;
  await first.stop();
  await until(() => new Set(outcomes).size === RECORDS, { timeoutMs: 60_000, what: () => `${RECORDS - new Set(outcomes).size} outcomes` });
  await until(async () => (await lag('retry.scheduler')) === 0, { what: 'the retry topic to be acknowledged' });
  const places = new Map<string, Set<string>>();
  for (const { topic, partition, offset, timestamp, key, value, headers } of seen) {
    const place = JSON.stringify({ topic, partition, offset, timestamp, key, mine: headers['mine'], headers: Object.keys(headers).length });
    const text = value?.toString() ?? '';
    places.set(text, (places.get(text) ?? new Set()).add(place));
  }
  expect([...places.values()].every((each) => each.size === 1)).toBe(true);
});
