import { UNREADABLE_BATCH_HEADER } from '@tandem/schemas';
import { RecordError } from '../../errors/index.ts';
import { parseWithIdLists } from './id-lists.ts';
import type { RawRecord, SensingLimits } from './types.ts';

// Strips a UTF-8 byte order mark; refuses every other encoding, since none of its texts is also valid UTF-8 and JSON.
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @throws {RecordError} `unreadable_batch`, `empty_value`, `too_large` */
export function presentValue({ value, headers }: RawRecord, { maxBytes }: SensingLimits): Uint8Array {
  const unreadable = headers[UNREADABLE_BATCH_HEADER];
  if (unreadable !== undefined) throw new RecordError('unreadable_batch', `a batch of a producer cannot be read: ${unreadable}; send its records again, compressed in another way`);
  if (value === null || value.byteLength === 0) throw new RecordError('empty_value', 'the record has no value; send a JSON object');
  if (value.byteLength > maxBytes) {
    throw new RecordError('too_large', `the record has ${value.byteLength} bytes; at most ${maxBytes} are accepted`);
  }
  return value;
}

/** @throws {RecordError} `invalid_encoding`, `invalid_json` */
export function parseJson(value: Uint8Array): unknown {
  const text = decodeText(value);
  try {
    return parseWithIdLists(text);
  } catch (error) {
    throw new RecordError('invalid_json', 'the record is not JSON; send one JSON object, encoded as UTF-8', error);
  }
}

function decodeText(value: Uint8Array): string {
  try {
    return utf8.decode(value);
  } catch (error) {
    throw new RecordError('invalid_encoding', 'the bytes are not valid UTF-8', error);
  }
}

/** An object's own field, and true. */
export function hasTrue(parsed: unknown, name: string): boolean {
  return typeof parsed === 'object' && parsed !== null && Object.getOwnPropertyDescriptor(parsed, name)?.value === true;
}

/** @throws {RecordError} `too_deep` */
export function checkDepth(parsed: unknown, { maxDepth }: SensingLimits): void {
  if (isDeeper(parsed, maxDepth)) {
    throw new RecordError('too_deep', `arrays and objects are nested more than ${maxDepth} levels deep`);
  }
}

/** Recursion goes no deeper than the limit, however deep the value is. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  const children: unknown[] = Array.isArray(value) ? value : Object.values(value);
  for (const child of children) if (typeof child === 'object' && isDeeper(child, levels - 1)) return true;
  return false;
}
