import type { IHeaders, KafkaMessage } from 'kafkajs';
import type { Headers, LogRecord, TopicPartition } from '../types.ts';

/** The value is copied: a slice would keep the whole fetch response in memory for as long as one record is held. */
export function toLogRecord({ topic, partition }: TopicPartition, { offset, key, value, headers, timestamp }: KafkaMessage): LogRecord {
  return {
    topic,
    partition,
    offset: Number(offset),
    key: key === null ? null : key.toString(),
    value: value === null ? null : Buffer.from(value),
    headers: decodeHeaders(headers),
    timestamp: Number(timestamp),
  };
}

/** Of a header that is there twice the last counts. */
function decodeHeaders(headers: IHeaders | undefined): Headers {
  const decoded: Record<string, string> = {};
  for (const name in headers) {
    const all = headers[name];
    const value = Array.isArray(all) ? all.at(-1) : all;
    if (value === undefined || value === null) continue;
    if (name === '__proto__') Object.defineProperty(decoded, name, { value: String(value), enumerable: true });
    else decoded[name] = String(value);
  }
  return decoded;
}
