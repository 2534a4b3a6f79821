import { fixedTopics } from '@tandem/schemas';
import { systemClock } from '../clock/index.ts';
import { TandemError } from '../errors/index.ts';
import { createEmbeddedLog, type LogRecord, type OutgoingRecord } from '../log/index.ts';
import { createMetrics, noTracing, silentLogger } from '../telemetry/index.ts';
import { RunningStage, type RunnerOptions, type Stage } from './index.ts';

const cleanUps: (() => Promise<void>)[] = [];

/** To be called after each test. */
export async function cleanUp(): Promise<void> {
  for (const close of cleanUps.splice(0).toReversed()) await close();
}

type Handle = Stage['handle'];

/** A stage under the runner on an embedded log of one partition; `cleanUp` closes what is opened. */
export async function harness(handle: Handle, over: Partial<RunnerOptions> & Partial<Stage> = {}) {
  const log = createEmbeddedLog();
  cleanUps.push(() => log.close());
  await log.admin.ensureTopics(fixedTopics({ prefix: 't.', partitions: 1 }));
  const stage: Stage = { name: 'classifier', inputs: [{ group: 'g', topics: ['t.requests'] }], handle, ...over };
  const producer = await log.producer();
  const options = { log, producer, prefix: 't.', clock: systemClock, logger: silentLogger, metrics: createMetrics({ processMetrics: false }), tracing: noTracing, retryBaseMs: 1, commitIntervalMs: 10, ...over };
  const start = async (more: Partial<RunnerOptions> = {}) => {
    const running = await RunningStage.start(stage, { ...options, ...more });
    cleanUps.push(() => running.stop());
    return running;
  };
  const read = async (topic: string) => {
    const records: LogRecord[] = [];
    const tail = await log.tail({ topic: `t.${topic}`, onRecord: (record) => records.push(record) });
    cleanUps.push(() => tail.close());
    return records;
  };
  const send = (values: string[], headers = {}, topic = 'requests') =>
    producer.send(values.map((value): OutgoingRecord => ({ topic: `t.${topic}`, key: 'k', value, headers })));
  const committed = async () => (await log.admin.committed('t.g', 't.requests'))[0]?.offset;
  return { start, send, read, committed, log, producer };
}

export const toTasks = (value: string): OutgoingRecord[] => [{ topic: 't.tasks', key: 'k', value }];
export const textOf = (record: LogRecord) => record.value?.toString() ?? '';
export const away = () => new TandemError('away', { code: 'cache_unavailable', retryable: true });
