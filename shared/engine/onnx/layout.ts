import type { GraphSpec, TensorSpec } from '@tandem/schemas';
import { TandemError } from '../../errors/index.ts';
import type { TensorView } from '../types.ts';
import { ELEMENTS, type ElementType } from './tensor-types.ts';

/** Cache line: tensors of one buffer do not share one. */
const ALIGNMENT = 64;

/** A tensor's place in a lease's shared buffer. */
export interface Placement {
  name: string;
  type: ElementType;
  dims: readonly number[];
  /** Elements. */
  length: number;
  /** Bytes from the start of the buffer. */
  offset: number;
  /** Of int64: where the runtime has the same numbers in 64 bits. */
  wideOffset?: number;
}

export interface Layout {
  inputs: readonly Placement[];
  /** Outputs whose shapes follow from the inputs' dimensions: ONNX Runtime writes them in place. */
  outputs: readonly Placement[];
  /** End of the inputs, bytes: what has to be zeroed before each use. */
  inputsEnd: number;
  bytes: number;
}

/** Names of the dynamic dimensions of a graph's inputs, each once, in order of appearance. */
export function dimensionNames(graph: GraphSpec): string[] {
  const names = new Set<string>();
  for (const { shape } of Object.values(graph.inputs)) {
    for (const dimension of shape) if (typeof dimension === 'string') names.add(dimension);
  }
  return [...names];
}

/**
 * Where each tensor lies for one call. Both sides of the thread boundary compute it from the same numbers.
 * @param sizes of the dimensions, in the order of `dimensionNames`
 * @param start first byte that tensors may use
 */
export function layoutOf(graph: GraphSpec, names: readonly string[], sizes: ArrayLike<number>, start: number): Layout {
  const sizeOf = (dimension: string | number) => (typeof dimension === 'number' ? dimension : sizes[names.indexOf(dimension)]);
  let end = start;
  const take = (bytes: number): number => {
    const offset = end;
    end = align(offset + bytes);
    return offset;
  };
  const place = ([name, spec]: [string, TensorSpec]): Placement[] => {
    const dims = spec.shape.map(sizeOf);
    if (!dims.every((size) => size !== undefined)) return [];
    const length = dims.reduce((product, size) => product * size, 1);
    const offset = take(length * ELEMENTS[spec.type].bytes);
    return [{ name, type: spec.type, dims, length, offset, ...(spec.type === 'int64' ? { wideOffset: take(length * BigInt64Array.BYTES_PER_ELEMENT) } : {}) }];
  };
  const inputs = Object.entries(graph.inputs).flatMap(place);
  const inputsEnd = end;
  const outputs = Object.entries(graph.outputs).flatMap(place);
  return { inputs, outputs, inputsEnd, bytes: end };
}

/** @throws {TandemError} `invalid_dimensions` naming the dimension */
export function sizesOf(graphName: string, names: readonly string[], dimensions: Readonly<Record<string, number>>): number[] {
  return names.map((name) => {
    const size = dimensions[name];
    if (size !== undefined && Number.isInteger(size) && size >= 0) return size;
    throw new TandemError(`graph ${graphName}: dimension ${name} is ${size ?? 'not given'}; it must be a whole number`, {
      code: 'invalid_dimensions',
    });
  });
}

export function viewsOf(buffer: SharedArrayBuffer, placements: readonly Placement[]): Record<string, TensorView> {
  const views: Record<string, TensorView> = {};
  for (const { name, type, dims, offset, length } of placements) {
    views[name] = { dims, data: ELEMENTS[type].view(buffer, offset, length) };
  }
  return views;
}

function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
