import { topicName, workTopicName, type Outcome, type Work } from '@tandem/schemas';
import type { EventLog, LogRecord } from '@tandem/shared/log';

/** A step of a request as its records tell of it, whatever the request was answered with; times in ms. */
export interface LoggedStep {
  requestId: string;
  partition: number;
  /** When the broker had the request. */
  arrivedAt: number;
  /** When the scheduler had decided. */
  dispatchedAt: number;
  /** When the broker had its outcome; undefined: none came. */
  outcomeAt: number | undefined;
  /** Undefined: it did not run. */
  ran: { size: number; computeMs: number; endedAt: number } | undefined;
}

interface Place {
  log: EventLog;
  prefix: string;
  /** `model.precision` */
  variant: string;
  partitions: number;
}

async function readSince({ log, partitions }: Place, topic: string, sinceMs: number): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  for (let partition = 0; partition < partitions; partition += 1) {
    for await (const some of log.read({ topic, partition, from: { timestamp: sinceMs } })) records.push(...some);
  }
  return records;
}

const parsed = <Value>({ value }: LogRecord): Value => JSON.parse((value ?? 'null').toString()) as Value;

/**
 * What became of each step that was dispatched since a time, read from the log afterwards, so that nothing of the run is disturbed. Answers alone would tell only of
 * what was in time: batches that took long, and ways that were slow, would be missing.
 */
export async function stepsSince(place: Place, sinceMs: number): Promise<LoggedStep[]> {
  const { prefix, variant } = place;
  const [model = '', precision = ''] = variant.split('.');
  const outcomes = new Map<string, { record: LogRecord; outcome: Outcome }>();
  for (const record of await readSince(place, topicName(prefix, 'outcomes'), sinceMs)) {
    const outcome = parsed<Outcome>(record);
    outcomes.set(outcome.requestId, { record, outcome });
  }
  const dispatched = await readSince(place, workTopicName(prefix, 'interactive', { model, precision }), sinceMs);
  return dispatched.map((record) => {
    const { task, dispatchedAt } = parsed<Work>(record);
    const { outcome, record: end } = outcomes.get(task.requestId) ?? {};
    const run = outcome?.kind === 'completed' ? outcome.run : undefined;
    return {
      requestId: task.requestId, partition: record.partition, arrivedAt: task.arrivedAt, dispatchedAt, outcomeAt: end?.timestamp,
      ran: run && { size: run.batchSize, computeMs: run.computeMs, endedAt: dispatchedAt + run.queueMs + run.computeMs },
    };
  });
}
