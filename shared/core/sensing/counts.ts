import { RecordError } from '../../errors/index.ts';
import type { SensingLimits } from './types.ts';

const DEFAULT_MAX_FIELDS = 100_000;
const DEFAULT_MAX_HEADERS = 64;
const DEFAULT_MAX_HEADER_CHARACTERS = 16_384;

/**
 * Of a value whose depth has been checked, and of the headers that came with it.
 * @throws {RecordError} `too_many_fields`, `too_large` (the headers)
 */
export function checkCounts(parsed: unknown, headers: Readonly<Record<string, string>>, limits: SensingLimits): void {
  const { maxFields = DEFAULT_MAX_FIELDS } = limits;
  if (fieldsLeft(parsed, maxFields) < 0) {
    throw new RecordError('too_many_fields', `the record has more than ${maxFields} fields and items in all; send less`);
  }
  checkHeaders(headers, limits);
}

function checkHeaders(headers: Readonly<Record<string, string>>, limits: SensingLimits): void {
  const { maxHeaders = DEFAULT_MAX_HEADERS, maxHeaderCharacters = DEFAULT_MAX_HEADER_CHARACTERS } = limits;
  const names = Object.keys(headers);
  if (names.length > maxHeaders) throw new RecordError('too_many_fields', `the record has ${names.length} headers; at most ${maxHeaders} are accepted`);
  let characters = 0;
  for (const name of names) characters += name.length + (headers[name]?.length ?? 0);
  if (characters > maxHeaderCharacters) {
    throw new RecordError('too_large', `the record’s headers have ${characters} characters; at most ${maxHeaderCharacters} are accepted`);
  }
}

/** How many of so many fields and items are left when all of the value’s are counted; below 0 as soon as there are too many. */
function fieldsLeft(value: unknown, allowed: number): number {
  if (typeof value !== 'object' || value === null) return allowed;
  const children: unknown[] = Array.isArray(value) ? value : Object.values(value);
  let left = allowed - children.length;
  for (const child of children) {
    if (left < 0) return left;
    if (typeof child === 'object') left = fieldsLeft(child, left);
  }
  return left;
}
