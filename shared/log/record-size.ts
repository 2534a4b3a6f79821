import type { OutgoingRecord } from './types.ts';

// What Kafka's record format adds: lengths and deltas as varints, rounded up.
const RECORD_OVERHEAD_BYTES = 24;
const HEADER_OVERHEAD_BYTES = 6;

/** About as many bytes as the record takes in a produce request; never fewer. */
export function sizeOfRecord({ key, value, headers }: Pick<OutgoingRecord, 'key' | 'value' | 'headers'>): number {
  let bytes = RECORD_OVERHEAD_BYTES + sizeOf(key) + sizeOf(value);
  if (headers === undefined) return bytes;
  for (const name in headers) bytes += HEADER_OVERHEAD_BYTES + Buffer.byteLength(name) + sizeOf(headers[name] ?? null);
  return bytes;
}

function sizeOf(field: string | Buffer | null): number {
  if (field === null) return 0;
  return typeof field === 'string' ? Buffer.byteLength(field) : field.length;
}
