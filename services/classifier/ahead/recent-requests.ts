import { topicName } from '@tandem/schemas';
import type { EventLog, LogRecord } from '@tandem/shared/log';

/** Of each partition: enough to know who is active, and read in a moment. */
const MOST_RECORDS = 2_000;
const MOST_AGE_MS = 3_600_000;

export interface RecentRequestsOptions {
  log: Pick<EventLog, 'read' | 'admin'>;
  prefix: string;
  partition: number;
  /** By the log's clock, epoch ms. */
  now: number;
  signal: AbortSignal;
}

/** The last requests of the interactive lane that the log holds, oldest first. */
export async function* recentRequests({ log, prefix, partition, now, signal }: RecentRequestsOptions): AsyncGenerator<LogRecord> {
  const topic = topicName(prefix, 'requests');
  const ends = (await log.admin.offsets(topic)).find((offsets) => offsets.partition === partition);
  if (ends === undefined) return;
  const from = { offset: Math.max(ends.earliest, ends.latest - MOST_RECORDS) };
  for await (const records of log.read({ topic, partition, from, to: ends.latest, signal })) {
    for (const record of records) if (now - record.timestamp <= MOST_AGE_MS) yield record;
  }
}
