import type { GraphSpec, TensorSpec } from '@tandem/schemas';
import type { TensorData } from '@tandem/shared/engine';
import { WHOLE_NUMBERS } from '@tandem/shared/units';
import { Problem } from '../problems/problem.ts';
import { BYTES, DATA_TYPES } from './data-types.ts';
import { binarySizeOf, type InferInput } from './infer-request.ts';

/** An input that fits the model, ready to be written into the engine's buffer. */
export interface ReadTensor {
  name: string;
  spec: TensorSpec;
  shape: readonly number[];
  source: { values: readonly unknown[] } | { bytes: Buffer };
}

function wrong(detail: string): Problem {
  return new Problem('invalid_tensor', { detail });
}

/**
 * Puts inputs and binary data together and compares them with the graph.
 * @param binary what follows the JSON; each input with `binary_data_size` takes its part, in order
 * @throws {Problem} `invalid_tensor`, naming the tensor
 */
export function readTensors(graph: GraphSpec, inputs: readonly InferInput[], binary: Buffer): ReadTensor[] {
  let at = 0;
  const read = inputs.map((input) => {
    const spec = Object.hasOwn(graph.inputs, input.name) ? graph.inputs[input.name] : undefined;
    if (spec === undefined) throw wrong(`There is no input ${input.name}; there are ${Object.keys(graph.inputs).join(', ')}.`);
    const size = binarySizeOf(input);
    const bytes = size === undefined ? undefined : binary.subarray(at, at + size);
    at += size ?? 0;
    return readTensor(input, spec, bytes);
  });
  if (at !== binary.length) throw wrong(`${binary.length} bytes follow the JSON, but the inputs announce ${at} (binary_data_size).`);
  requireAll(graph, read);
  return read;
}

function requireAll(graph: GraphSpec, read: readonly ReadTensor[]): void {
  const names = new Set(read.map(({ name }) => name));
  if (names.size < read.length) throw wrong('An input is given twice.');
  const missing = Object.keys(graph.inputs).filter((name) => !names.has(name));
  if (missing.length > 0) throw wrong(`Inputs are missing: ${missing.join(', ')}.`);
}

function readTensor({ name, shape, datatype, data }: InferInput, spec: TensorSpec, bytes: Buffer | undefined): ReadTensor {
  const expected = DATA_TYPES[spec.type];
  if (datatype !== expected) throw wrong(`${name} is ${expected}, not ${datatype.slice(0, 16)}.`);
  checkShape(name, shape, spec);
  const elements = shape.reduce((product, size) => product * size, 1);
  if (bytes !== undefined) {
    if (data !== undefined) throw wrong(`${name} has both data and binary_data_size.`);
    if (bytes.length !== elements * BYTES[spec.type]) throw wrong(`${name} has ${bytes.length} bytes; its shape needs ${elements * BYTES[spec.type]}.`);
    return { name, spec, shape, source: { bytes } };
  }
  if (data === undefined) throw wrong(`${name} has no data.`);
  if (spec.type === 'float16') throw wrong(`${name} is FP16: JSON has no such numbers; send it as binary data.`);
  const values = flatten(data, elements, name);
  return { name, spec, shape, source: { values } };
}

function checkShape(name: string, shape: readonly number[], { shape: declared }: TensorSpec): void {
  const fits = shape.length === declared.length && declared.every((size, index) => typeof size === 'string' || size === shape[index]);
  if (!fits) throw wrong(`${name} has the shape [${shape.join(', ')}]; [${declared.join(', ')}] is expected.`);
}

/** Data may be nested as the shape, or flat, in row-major order. */
function flatten(data: readonly unknown[], elements: number, name: string): readonly unknown[] {
  const flat = data.some(Array.isArray) ? data.flat(16) : data;
  if (flat.length !== elements) throw wrong(`${name} has ${flat.length} elements; its shape needs ${elements}.`);
  return flat;
}

/** Sizes of the graph's named dimensions. @throws {Problem} `invalid_tensor`: two tensors disagree */
export function dimensionsOf(tensors: readonly ReadTensor[]): Record<string, number> {
  const sizes: Record<string, number> = {};
  for (const { name, spec, shape } of tensors) {
    for (const [index, dimension] of spec.shape.entries()) {
      if (typeof dimension === 'number') continue;
      const size = shape[index] ?? 0;
      if ((sizes[dimension] ?? size) !== size) throw wrong(`${name} says that ${dimension} is ${size}, another input that it is ${sizes[dimension]}.`);
      sizes[dimension] = size;
    }
  }
  return sizes;
}

/** Copies a tensor into the engine's buffer. @throws {Problem} `invalid_tensor`: a value that its type cannot hold */
export function fill({ name, spec: { type }, source }: ReadTensor, target: TensorData): void {
  if ('bytes' in source) {
    if (type === 'int64') return fillWide(name, source.bytes, target);
    new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(source.bytes);
    return;
  }
  for (const [index, value] of source.values.entries()) target[index] = element(value, type, name);
}

/** The engine takes them as int32. */
function fillWide(name: string, bytes: Buffer, target: TensorData): void {
  for (let index = 0; index < target.length; index += 1) {
    const low = bytes.readInt32LE(8 * index);
    if (bytes.readInt32LE(8 * index + 4) !== low >> 31) throw wrong(`${name} has the element ${bytes.readBigInt64LE(8 * index)}; ${wholeNumbers(WHOLE_NUMBERS['int64']!)} are expected.`);
    target[index] = low;
  }
}

function element(value: unknown, type: TensorSpec['type'], name: string): number {
  if (type === 'bool') {
    if (typeof value === 'boolean' || value === 0 || value === 1) return Number(value);
    throw wrong(`${name} is BOOL: true and false are expected.`);
  }
  if (typeof value !== 'number') throw wrong(`${name} has an element that is no number.`);
  const bounds = WHOLE_NUMBERS[type];
  if (bounds !== undefined && (!Number.isInteger(value) || value < bounds[0] || value > bounds[1])) throw wrong(`${name} has the element ${value}; ${wholeNumbers(bounds)} are expected.`);
  return value;
}

function wholeNumbers([least, most]: readonly [number, number]): string {
  return `whole numbers from ${least} to ${most}`;
}
