const OBJECT_BYTES = 56;
const SLOT_BYTES = 8;

/** About what a JSON value takes in memory. Lists of numbers, the largest part of nearly every value, are not walked. */
export function contentBytes(value: unknown): number {
  if (typeof value === 'string') return OBJECT_BYTES / 2 + 2 * value.length;
  if (typeof value !== 'object' || value === null) return 0;
  if (Array.isArray(value)) return OBJECT_BYTES + SLOT_BYTES * value.length + (typeof value[0] === 'number' ? 0 : bytesOf(value));
  const fields = Object.values(value);
  return OBJECT_BYTES + SLOT_BYTES * fields.length + bytesOf(fields);
}

function bytesOf(values: readonly unknown[]): number {
  let bytes = 0;
  for (const value of values) bytes += contentBytes(value);
  return bytes;
}
