const OBJECT_BYTES = 56;
const SLOT_BYTES = 8;

/** About what a JSON value takes in memory. Lists of numbers, the largest part of nearly every value, are not walked. */
export function contentBytes(value: unknown): number {
  if (typeof value === 'string') return OBJECT_BYTES / 2 + 2 * value.length;
  if (typeof value !== 'object' || value === null) return 0;
  if (!Array.isArray(value)) return fieldBytes(value as Readonly<Record<string, unknown>>);
  let bytes = OBJECT_BYTES + SLOT_BYTES * value.length;
  if (typeof value[0] !== 'number') for (const item of value) bytes += contentBytes(item);
  return bytes;
}

function fieldBytes(fields: Readonly<Record<string, unknown>>): number {
  let bytes = OBJECT_BYTES;
  for (const name in fields) bytes += SLOT_BYTES + contentBytes(fields[name]);
  return bytes;
}
