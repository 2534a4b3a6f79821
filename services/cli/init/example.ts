import type { GraphSpec, TensorSpec } from '@tandem/schemas';
import type { GoldenCase } from '@tandem/shared/engine';

const FLOATS: ReadonlySet<string> = new Set(['float32', 'float16']);
/** Both are primes, so that values do not repeat with any shape. */
const [STRIDE, RANGE] = [7_919, 997];
const ROWS = 2;

/** How many numbers one request has for an input. */
export function widthOf({ shape }: TensorSpec): number {
  return shape.slice(1).reduce<number>((product, size) => product * (typeof size === 'number' ? size : 1), 1);
}

/** Values of one request: floats in 0 to 1; whole numbers 0 and 1, which every vocabulary has. Always the same. */
export function exampleInput(inputs: GraphSpec['inputs'], row = 0): Record<string, number[]> {
  return Object.fromEntries(Object.entries(inputs).map(([name, spec]) => [name, Array.from({ length: widthOf(spec) }, (_, index) => {
    const value = ((index + 1 + row * 31) * STRIDE) % RANGE;
    return FLOATS.has(spec.type) ? Math.round((value / RANGE) * 100) / 100 : value % 2;
  })]));
}

/** A batch of examples, as golden inputs are written. */
export function goldenInputs(inputs: GraphSpec['inputs']): GoldenCase['inputs'] {
  const rows = Array.from({ length: ROWS }, (_, row) => exampleInput(inputs, row));
  return Object.fromEntries(Object.entries(inputs).map(([name, { type, shape }]) => [name, {
    type, shape: [ROWS, ...shape.slice(1).map(Number)], data: rows.flatMap((values) => values[name] ?? []),
  }]));
}
