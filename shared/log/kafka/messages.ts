import { TandemError } from '../../errors/index.ts';
import type { Message } from 'kafkajs';
import type { OutgoingRecord } from '../types.ts';

export function toMessage({ key, value, headers, timestamp }: OutgoingRecord, partition: number): Message {
  return { key, value, partition, ...(headers && { headers }), ...(timestamp !== undefined && { timestamp: String(timestamp) }) };
}

/** What the types forbid is found before it reaches kafkajs, which would fail for the whole request. */
export function problemOf({ topic, value, headers }: OutgoingRecord): TandemError | undefined {
  const refuse = (what: string): TandemError => new TandemError(`A record for topic "${topic}" ${what}.`, { code: 'invalid_record' });
  if (value === undefined) return refuse('has no value; null is a tombstone');
  for (const name in headers) if (typeof headers[name] !== 'string') return refuse(`has a header "${name}" that is no string`);
  return undefined;
}
