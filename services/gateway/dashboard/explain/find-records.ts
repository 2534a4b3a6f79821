import { HEADER, topicName, type TopicKind } from '@tandem/schemas';
import type { EventLog, LogRecord, ReadOptions } from '@tandem/shared/log';

/** Of one partition; a search gives up beyond it. */
const MOST_RECORDS = 100_000;
const RECENT_MS = 900_000;

export interface Searching {
  log: EventLog;
  prefix: string;
  signal: AbortSignal;
}

export interface Place {
  partition: number;
  offset: number;
}

export async function recordAt({ log, signal }: Searching, topic: string, { partition, offset }: Place): Promise<LogRecord | undefined> {
  for await (const records of log.read({ topic, partition, from: { offset }, to: offset + 1, signal })) {
    const found = records.find((record) => record.offset === offset);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The newest response to a request, among those of the last quarter of an hour. Only headers are looked at. */
export async function findResponse(searching: Searching, requestId: string): Promise<LogRecord | undefined> {
  const { log, prefix } = searching;
  const topic = topicName(prefix, 'responses');
  const partitions = await log.admin.offsets(topic);
  const found = await Promise.all(partitions.map(({ partition }) => lastOf(searching, { topic, partition, from: { timestamp: log.now() - RECENT_MS } }, (record) => record.headers[HEADER.requestId] === requestId)));
  return found.filter((record) => record !== undefined).sort((a, b) => b.timestamp - a.timestamp)[0];
}

/** What a topic says of a request, in a stretch of time, in the partition of its key. */
export async function recordsOf(searching: Searching, topic: string, partition: number, requestId: string, from: number, to: number): Promise<LogRecord[]> {
  const needle = Buffer.from(JSON.stringify(requestId));
  const found: LogRecord[] = [];
  let read = 0;
  for await (const records of searching.log.read({ topic, partition, from: { timestamp: from }, signal: searching.signal })) {
    for (const record of records) if (record.timestamp <= to && record.value?.includes(needle) === true) found.push(record);
    read += records.length;
    if (read > MOST_RECORDS || (records.at(-1)?.timestamp ?? 0) > to) break;
  }
  return found;
}

export function kindTopic({ prefix }: Searching, kind: TopicKind): string {
  return topicName(prefix, kind);
}

async function lastOf({ log, signal }: Searching, range: ReadOptions, is: (record: LogRecord) => boolean): Promise<LogRecord | undefined> {
  let found: LogRecord | undefined;
  let read = 0;
  for await (const records of log.read({ ...range, signal })) {
    found = records.findLast(is) ?? found;
    read += records.length;
    if (read > MOST_RECORDS) break;
  }
  return found;
}
