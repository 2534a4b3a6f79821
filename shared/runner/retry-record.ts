import { RETRY_HEADER, topicName } from '@tandem/schemas';
import { RecordError } from '../errors/index.ts';
import type { Headers, LogRecord, OutgoingRecord } from '../log/index.ts';
import type { StageName } from './types.ts';

/** How a record came to be on a retry topic. */
export interface RetryState {
  /** Tries so far, over all deliveries. */
  attempts: number;
  /** Deliveries so far. */
  deliveries: number;
  /** Epoch ms by the log's clock: when it is tried again. */
  notBefore: number;
}

export interface RestoredRecord extends RetryState {
  /** As it was read from its own topic. */
  record: LogRecord;
}

const RETRY_HEADER_NAMES: ReadonlySet<string> = new Set(Object.values(RETRY_HEADER));

export function retryTopic(prefix: string, stage: StageName): string {
  return topicName(prefix, `retry.${stage}`);
}

/** The record with its place, on the partition of the same number: what is kept together by key stays together. */
export function retryRecord(topic: string, record: LogRecord, { attempts, deliveries, notBefore }: RetryState): OutgoingRecord {
  return {
    topic,
    partition: record.partition,
    key: record.key,
    value: record.value,
    headers: {
      ...record.headers,
      [RETRY_HEADER.topic]: record.topic,
      [RETRY_HEADER.partition]: String(record.partition),
      [RETRY_HEADER.offset]: String(record.offset),
      [RETRY_HEADER.timestamp]: String(record.timestamp),
      [RETRY_HEADER.attempts]: String(attempts),
      [RETRY_HEADER.deliveries]: String(deliveries),
      [RETRY_HEADER.notBefore]: String(Math.ceil(notBefore)),
    },
  };
}

/** @throws {RecordError} `invalid_record` */
export function restoreRecord({ headers, key, value }: LogRecord): RestoredRecord {
  const topic = headers[RETRY_HEADER.topic];
  if (topic === undefined || topic === '') throw new RecordError('invalid_record', `${RETRY_HEADER.topic}: missing; only Tandem's own stages write here`);
  const number = (name: keyof typeof RETRY_HEADER) => wholeNumber(headers, RETRY_HEADER[name]);
  const own = Object.fromEntries(Object.entries(headers).filter(([name]) => !RETRY_HEADER_NAMES.has(name)));
  return {
    record: { topic, partition: number('partition'), offset: number('offset'), timestamp: number('timestamp'), key, value, headers: own },
    attempts: number('attempts'),
    deliveries: number('deliveries'),
    notBefore: number('notBefore'),
  };
}

function wholeNumber(headers: Headers, name: string): number {
  const text = headers[name] ?? '';
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new RecordError('invalid_record', `${name}: ${JSON.stringify(text.slice(0, 32))} is not a whole number; only Tandem's own stages write here`);
}
