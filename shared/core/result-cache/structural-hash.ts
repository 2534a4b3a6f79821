const MULTIPLIER = 0x85ebca6b;
const [NULL, TRUE, FALSE, TEXT, LIST, OBJECT, INTEGER, FRACTION] = [1, 2, 3, 4, 5, 6, 7, 8];

const double = new Float64Array(1);
const halves = new Int32Array(double.buffer);

/**
 * Hashes a JSON value by walking it, without writing it out: 64 integers and a plan take about 1 µs, a tenth of JSON and
 * a digest of it. 31 bits, so that it stays a small integer as a key. Equal values have equal hashes; different ones may
 * as well, so whoever finds something by it compares the values (`sameContent`).
 */
export function structuralHash(value: unknown): number {
  const hash = walk(MULTIPLIER, value);
  return (hash ^ (hash >>> 16)) & 0x3fffffff;
}

function mix(hash: number, part: number): number {
  const mixed = Math.imul(hash ^ part, MULTIPLIER);
  return mixed ^ (mixed >>> 13);
}

function walk(hash: number, value: unknown): number {
  if (typeof value === 'number') return ofNumber(hash, value);
  if (typeof value === 'string') return ofText(mix(hash, TEXT), value);
  if (Array.isArray(value)) return ofList(mix(mix(hash, LIST), value.length), value);
  if (typeof value === 'object' && value !== null) return ofObject(mix(hash, OBJECT), value);
  if (typeof value === 'boolean') return mix(hash, value ? TRUE : FALSE);
  return mix(hash, NULL);
}

function ofNumber(hash: number, value: number): number {
  if ((value | 0) === value) return mix(mix(hash, INTEGER), value);
  double[0] = value;
  return mix(mix(mix(hash, FRACTION), halves[0]!), halves[1]!);
}

function ofText(hash: number, text: string): number {
  let mixed = mix(hash, text.length);
  for (let index = 0; index < text.length; index += 1) mixed = mix(mixed, text.charCodeAt(index));
  return mixed;
}

function ofList(hash: number, list: readonly unknown[]): number {
  let mixed = hash;
  for (let index = 0; index < list.length; index += 1) {
    const item = list[index];
    // Item ids, nearly always.
    mixed = typeof item === 'number' && (item | 0) === item ? mix(mixed, item) : walk(mixed, item);
  }
  return mixed;
}

function ofObject(hash: number, object: object): number {
  let mixed = hash;
  for (const name in object) mixed = walk(ofText(mixed, name), (object as Record<string, unknown>)[name]);
  return mixed;
}
