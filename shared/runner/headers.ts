import { CARRIED_HEADERS, HEADER, SCHEMA_VERSION } from '@tandem/schemas';
import type { Headers, OutgoingRecord } from '../log/index.ts';

/** The headers that every stage copies from its input to its outputs. */
export function carriedHeaders(input: Headers): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of CARRIED_HEADERS) {
    const value = input[name];
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}

/** What an input's headers add to each of its outputs. */
export function outputHeaders(input: Headers, span: Headers | undefined): Headers {
  const headers = carriedHeaders(input);
  headers[HEADER.schemaVersion] = SCHEMA_VERSION;
  return span === undefined ? headers : Object.assign(headers, span);
}

/** An output's own headers win over the carried ones. */
export function withHeaders(output: OutgoingRecord, carried: Headers): OutgoingRecord {
  const { topic, key, value, partition, timestamp } = output;
  const written: OutgoingRecord = { topic, key, value, headers: output.headers === undefined ? carried : { ...carried, ...output.headers } };
  if (partition !== undefined) written.partition = partition;
  if (timestamp !== undefined) written.timestamp = timestamp;
  return written;
}
