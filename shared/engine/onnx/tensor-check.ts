import type { GraphSpec, TensorSpec } from '@tandem/schemas';
import type { GraphReport, TensorMetadata } from './messages.ts';

/**
 * Compares what the registry declares with what the model file says.
 * @returns the first difference in words; undefined: none
 */
export function tensorDifference(graph: GraphSpec, report: GraphReport): string | undefined {
  return differenceIn('input', graph.inputs, report.inputs) ?? differenceIn('output', graph.outputs, report.outputs);
}

function differenceIn(kind: 'input' | 'output', declared: Record<string, TensorSpec>, actual: TensorMetadata[]): string | undefined {
  for (const [name, spec] of Object.entries(declared)) {
    const tensor = actual.find((candidate) => candidate.name === name);
    if (tensor === undefined) return `${kind} ${name} is not in the model, which has ${namesOf(actual)}`;
    const difference = differenceOf(spec, tensor);
    if (difference !== undefined) return `${kind} ${name} ${difference}`;
  }
  // An output that nobody declared is never asked for; an input must be fed.
  const extra = kind === 'input' ? actual.find(({ name }) => !(name in declared)) : undefined;
  return extra === undefined ? undefined : `input ${extra.name} of the model is not declared`;
}

function differenceOf(spec: TensorSpec, tensor: TensorMetadata): string | undefined {
  if (tensor.type !== spec.type) return `is declared ${spec.type}, the model has ${tensor.type}`;
  const fits = spec.shape.length === tensor.shape.length && spec.shape.every((size, axis) => dimensionFits(size, tensor.shape[axis]));
  return fits ? undefined : `is declared [${spec.shape.join(', ')}], the model has [${tensor.shape.join(', ')}]`;
}

/** Names of dynamic dimensions are the registry's own, and exporters leave output sizes open that are in fact fixed. */
function dimensionFits(declared: string | number, actual: string | number | undefined): boolean {
  return typeof declared !== 'number' || typeof actual !== 'number' || declared === actual;
}

function namesOf(tensors: TensorMetadata[]): string {
  return tensors.length === 0 ? 'none' : tensors.map(({ name }) => name).join(', ');
}
