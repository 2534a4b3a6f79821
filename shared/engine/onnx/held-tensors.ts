import type { GraphSpec, TensorSpec, Variant } from '@tandem/schemas';
import { TandemError } from '../../errors/index.ts';
import type { Dimensions, TensorView } from '../types.ts';
import { ELEMENTS, type ElementType } from './tensor-types.ts';

/** An input that stays between calls: one buffer for all threads and all graphs of a variant that have the input. */
export interface HeldTensor {
  name: string;
  type: ElementType;
  dims: readonly number[];
  /** Elements. */
  length: number;
  buffer: SharedArrayBuffer;
}

/**
 * Memory is zeroed; the operating system gives it page by page as it is first written.
 * @throws {TandemError} `invalid_dimensions` where no graph has the input, a size is missing, or the machine cannot give so much
 */
export function allocateHeld(variant: Variant, held: Readonly<Record<string, Dimensions>> = {}): HeldTensor[] {
  return Object.entries(held).map(([name, dimensions]) => {
    const spec = Object.values(variant.graphs).find(({ inputs }) => name in inputs)?.inputs[name];
    // What is held is not copied, so nobody would widen it.
    if (spec === undefined || spec.type === 'int64') throw invalid(`no graph of ${variant.model} has an input ${name} that can be held`);
    const dims = spec.shape.map((size) => sizeOf(name, size, dimensions));
    const length = dims.reduce((product, size) => product * size, 1);
    return { name, type: spec.type, dims, length, buffer: allocate(name, length * ELEMENTS[spec.type].bytes) };
  });
}

/** The graph as its leases see it. */
export function withoutHeld(spec: GraphSpec, held: readonly HeldTensor[]): GraphSpec {
  const isLeased = ([name]: [string, TensorSpec]) => held.every((tensor) => tensor.name !== name);
  return { ...spec, inputs: Object.fromEntries(Object.entries(spec.inputs).filter(isLeased)) };
}

export function heldViews(held: readonly HeldTensor[]): Record<string, TensorView> {
  return Object.fromEntries(held.map(({ name, type, dims, length, buffer }) => [name, { dims, data: ELEMENTS[type].view(buffer, 0, length) }]));
}

function sizeOf(input: string, size: string | number, dimensions: Dimensions): number {
  const given = typeof size === 'number' ? size : dimensions[size];
  if (given !== undefined && Number.isInteger(given) && given > 0) return given;
  throw invalid(`held input ${input}: dimension ${size} is ${given ?? 'not given'}; it must be a whole number above 0`);
}

function allocate(name: string, bytes: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(bytes);
  } catch (error) {
    throw invalid(`held input ${name}: ${bytes} bytes cannot be allocated`, error);
  }
}

function invalid(message: string, cause?: unknown): TandemError {
  return new TandemError(message, { code: 'invalid_dimensions', cause });
}
