import { randomBytes, randomUUID } from 'node:crypto';
import { HEADER, fixedTopics } from '@tandem/schemas';
import { systemClock } from '@tandem/shared/clock';
import { createKafkaLog, type LogRecord } from '@tandem/shared/log';
import { Chain, JsonOutput, RunningStage, stageReaders, type Stage } from '@tandem/shared/runner';
import { createMetrics, silentLogger, startTracing } from '@tandem/shared/telemetry';
import { expect, inject, onTestFinished, test, vi } from 'vitest';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';
import { until } from '../../support/until.ts';

const OWN = 400;
const SENDERS = 20;
const SHARE = 0.2;
/** Of so many with that share, six standard deviations. */
const BOUNDS = { least: OWN * SHARE - 48, most: OWN * SHARE + 48 };

const traceparent = (flags: '00' | '01') => `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-${flags}`;
const traceOf = ({ headers }: Pick<LogRecord, 'headers'>) => (headers[HEADER.traceparent] ?? '').slice(3, 35);
const isSampled = ({ headers }: Pick<LogRecord, 'headers'>) => headers[HEADER.traceparent]?.endsWith('-01') === true;

/** A classifier by itself, and a scheduler that hands on to fusion in memory. */
function flowOf(prefix: string): Stage[] {
  const topic = (name: string) => `${prefix}${name}`;
  const classifier: Stage = {
    name: 'classifier', inputs: [{ group: 'classifier', topics: [topic('requests')] }],
    handle: ({ key, value }) => [{ topic: topic('tasks'), key, value: value?.toString() ?? '' }],
  };
  const scheduler: Stage = {
    name: 'scheduler', inputs: [{ group: 'scheduler', topics: [topic('tasks'), topic('outcomes')] }],
    handle: (record) => (record.topic === topic('tasks') ? [new JsonOutput(topic('outcomes'), record.key ?? '', { value: record.value?.toString() })] : []),
  };
  const fusion: Stage = {
    name: 'fusion', inputs: [{ group: 'fusion', topics: [topic('tasks'), topic('outcomes')] }],
    // Of what comes later too it is known which trace it belongs to.
    handle: async ({ topic: from, key }) => {
      await Promise.resolve();
      return from === topic('outcomes') ? [{ topic: topic('responses'), key: key ?? '', value: 'answer' }] : [];
    },
  };
  return [classifier, scheduler, fusion];
}

test('what is sampled is so at every stage, chained or not, as the sender or the first stage decided; of the rest nothing is exported', async () => {
  await using receiver = await startOtlpReceiver();
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', receiver.url);
  vi.stubEnv('OTEL_TRACES_SAMPLER', 'parentbased_traceidratio');
  vi.stubEnv('OTEL_TRACES_SAMPLER_ARG', String(SHARE));
  onTestFinished(() => void vi.unstubAllEnvs());
  const tracing = await startTracing('sampling', process.env);
  const prefix = `test-${randomUUID().slice(0, 8)}.`;
  const log = createKafkaLog({ brokers: [inject('kafka')], clientId: 'sampling', logger: silentLogger });
  onTestFinished(() => log.close());
  const topics = fixedTopics({ prefix, partitions: 4 });
  await log.admin.ensureTopics(topics, { replicationFactor: 1 });
  const producer = await log.producer();
  const metrics = createMetrics({ processMetrics: false });
  const [classifier, ...chained] = flowOf(prefix);
  const units = [classifier!, new Chain(chained, { partitions: 4, readersOf: stageReaders(topics), metrics, tracing })];
  const running = await Promise.all(units.map((unit) => RunningStage.start(unit, { log, producer, prefix, clock: systemClock, logger: silentLogger, metrics, tracing })));
  const answers: LogRecord[] = [];
  await log.tail({ topic: `${prefix}responses`, onRecord: (record) => answers.push(record) });

  const sent = (headers: Record<string, string>) => ({ topic: `${prefix}requests`, key: randomUUID(), value: 'x', headers });
  const senders = (flags: '00' | '01') => Array.from({ length: SENDERS }, () => sent({ [HEADER.traceparent]: traceparent(flags) }));
  const [sampled, unsampled] = [senders('01'), senders('00')];
  await producer.send([...sampled, ...unsampled, ...Array.from({ length: OWN }, () => sent({}))]);
  await until(() => answers.length === OWN + 2 * SENDERS, { timeoutMs: 60_000, what: () => `answers, got ${answers.length}` });
  await Promise.all(running.map((unit) => unit.stop()));
  await tracing.close();

  const traces = Map.groupBy(receiver.spans, ({ traceId }) => traceId);
  expect(new Set(answers.filter(isSampled).map(traceOf))).toEqual(new Set(traces.keys()));
  // Of the rest only senders' own traces are told on.
  expect(new Set(answers.filter((answer) => !isSampled(answer)).map(traceOf))).toEqual(new Set(['', ...unsampled.map(traceOf)]));
  for (const record of sampled) expect(traces.has(traceOf(record))).toBe(true);
  for (const record of unsampled) expect(answers.filter((answer) => traceOf(answer) === traceOf(record)).map(isSampled)).toEqual([false]);
  const own = traces.size - SENDERS;
  expect(own).toBeGreaterThan(BOUNDS.least);
  expect(own).toBeLessThan(BOUNDS.most);
  const stagesOf = (spans: typeof receiver.spans) => spans.flatMap(({ attributes = [] }) => attributes.flatMap(({ key, value }) => (key === 'tandem.stage' ? [value.stringValue] : []))).sort();
  for (const spans of traces.values()) expect(stagesOf(spans)).toEqual(['classifier', 'fusion', 'fusion', 'scheduler', 'scheduler']);
}, 120_000);
