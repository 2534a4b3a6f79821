import { randomUUID } from 'node:crypto';
import { fixedTopics } from '@tandem/schemas';
import { systemClock } from '@tandem/shared/clock';
import { TandemError } from '@tandem/shared/errors';
import { createKafkaLog, type LogRecord } from '@tandem/shared/log';
import { RunningStage, type Stage } from '@tandem/shared/runner';
import { createMetrics, silentLogger, startTracing } from '@tandem/shared/telemetry';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';
import { until } from '../../support/until.ts';

const RECORDS = 120;

/** By the record's number: every third is put off once, every tenth becomes a dead letter. */
const isHopeless = (index: number) => index % 10 === 0;
const isFlaky = (index: number) => index % 3 === 0 && !isHopeless(index);

test('a record that is tried again, put off or given up stays one trace without a broken parent, and its letter leads there', async () => {
  await using receiver = await startOtlpReceiver();
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', receiver.url);
  const tracing = await startTracing('retries', process.env);
  const prefix = `test-${randomUUID().slice(0, 8)}.`;
  const log = createKafkaLog({ brokers: [inject('kafka')], clientId: 'retries', logger: silentLogger });
  onTestFinished(() => log.close());
  await log.admin.ensureTopics(fixedTopics({ prefix, partitions: 4 }), { replicationFactor: 1 });
  const producer = await log.producer();
  const tries = new Map<string, number>();
  const flaky: Stage = {
    name: 'classifier', inputs: [{ group: 'classifier', topics: [`${prefix}requests`] }],
    handle({ key, value }) {
      const text = value?.toString() ?? '';
      const made = (tries.get(text) ?? 0) + 1;
      tries.set(text, made);
      if (isHopeless(Number(text)) || (isFlaky(Number(text)) && made <= 3)) throw new TandemError('not now', { code: 'away', retryable: true });
      return [{ topic: `${prefix}tasks`, key, value: text }];
    },
  };
  const ended: string[] = [];
  const last: Stage = {
    name: 'scheduler', inputs: [{ group: 'scheduler', topics: [`${prefix}tasks`] }],
    handle: ({ value }) => {
      ended.push(value?.toString() ?? '');
      return [];
    },
  };
  const options = {
    log, producer, prefix, clock: systemClock, logger: silentLogger, metrics: createMetrics({ processMetrics: false }), tracing,
    retryBaseMs: 1, retryDelayMs: () => 200, maxDeliveries: 2,
  };
  const stages = await Promise.all([flaky, last].map((stage) => RunningStage.start(stage, options)));
  const letters: LogRecord[] = [];
  await log.tail({ topic: `${prefix}dead-letters`, onRecord: (record) => letters.push(record) });
  await producer.send(Array.from({ length: RECORDS }, (_, index) => ({ topic: `${prefix}requests`, key: `key ${index % 7}`, value: String(index) })));
  await until(() => ended.length + letters.length === RECORDS, { timeoutMs: 60_000, what: () => `ends, got ${ended.length} and ${letters.length} letters` });
  await Promise.all(stages.map((stage) => stage.stop()));
  await tracing.close();

  const { spans } = receiver;
  const known = new Set(spans.map(({ spanId }) => spanId));
  expect(spans.filter(({ parentSpanId }) => parentSpanId !== undefined && !known.has(parentSpanId))).toEqual([]);
  const traces = Map.groupBy(spans, ({ traceId }) => traceId);
  expect(traces.size).toBe(RECORDS);
  const sizes = [...traces.values()].map(({ length }) => length);
  const numbers = Array.from({ length: RECORDS }, (_, index) => index);
  // Its second delivery is a span of its own, below the first.
  expect(sizes.filter((size) => size === 3)).toHaveLength(numbers.filter(isFlaky).length);
  expect(letters).toHaveLength(numbers.filter(isHopeless).length);
  for (const { headers } of letters) {
    const spansOfIt = traces.get((headers['traceparent'] ?? '').slice(3, 35)) ?? [];
    expect(spansOfIt.map(({ name }) => name)).toEqual([`classifier ${prefix}requests`, `classifier ${prefix}requests`]);
  }
}, 120_000);
