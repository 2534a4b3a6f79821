import type { TensorSpec } from '@tandem/schemas';
import { Problem } from '../problems/problem.ts';
import type { InferRequest } from './infer-request.ts';
import type { ServedGraph } from './model-name.ts';
import { wantedOutputs } from './write-tensors.ts';

/** Of what callers may ask for; a variant's limits may say less: `maxLength` of the dimension `length`. */
export interface TensorBounds {
  /** Of a named dimension. */
  dimension: number;
  /** Of one tensor. */
  elements: number;
}

/** Written as text at once: meanwhile nobody else is answered. */
const MOST_JSON_ELEMENTS = 1_048_576;

/**
 * Refuses sizes before anything is reserved for them. Outputs have the inputs' dimensions, so theirs are known too; what a model makes in
 * between is not, and can grow with the square of a dimension, which is why each has a bound of its own.
 * @throws {Problem} `invalid_tensor`: a dimension of 0; `too_large`: a dimension or tensor beyond its bound
 */
export function checkSizes({ spec, variant: { limits } }: Pick<ServedGraph, 'spec' | 'variant'>, request: InferRequest, dimensions: Readonly<Record<string, number>>, bounds: TensorBounds): void {
  for (const [name, size] of Object.entries(dimensions)) checkDimension(name, size, Math.min(bounds.dimension, limits[`max${name.charAt(0).toUpperCase()}${name.slice(1)}`] ?? Infinity));
  for (const [name, tensor] of [...Object.entries(spec.inputs), ...Object.entries(spec.outputs)]) {
    const elements = elementsOf(tensor, dimensions);
    if (elements > bounds.elements) throw new Problem('too_large', { detail: `${name} would have ${elements} elements; at most ${bounds.elements} are taken: send fewer rows at once.` });
  }
  const asJson = wantedOutputs(spec, request).reduce((sum, { name, isBinary }) => sum + (isBinary ? 0 : elementsOf(spec.outputs[name], dimensions)), 0);
  if (asJson > MOST_JSON_ELEMENTS) throw new Problem('too_large', { detail: `Outputs of this shape have ${asJson} elements, and JSON takes ${MOST_JSON_ELEMENTS}: ask for binary data (binary_data_output).` });
}

function checkDimension(name: string, size: number, most: number): void {
  if (size < 1) throw new Problem('invalid_tensor', { detail: `${name} is ${size}; every dimension is at least 1.` });
  if (size > most) throw new Problem('too_large', { detail: `${name} is ${size}; at most ${most} is taken.` });
}

function elementsOf(tensor: TensorSpec | undefined, dimensions: Readonly<Record<string, number>>): number {
  return (tensor?.shape ?? []).reduce<number>((product, size) => product * (typeof size === 'number' ? size : (dimensions[size] ?? 1)), 1);
}
