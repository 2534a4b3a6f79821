import type { GraphSpec, TensorSpec } from '@tandem/schemas';
import type { ModelTensors } from '@tandem/shared/engine';
import { TandemError } from '@tandem/shared/errors';

type Tensor = ModelTensors['inputs'][number];

/** What a model takes and gives, with every size but the batch settled. */
export interface ModelPlan {
  inputs: GraphSpec['inputs'];
  /** The one output that becomes the result. */
  output: { name: string; spec: TensorSpec };
  /** classes: a score each, floats of [batch, classes]; numbers: whatever it is, one after the other. */
  kind: 'classes' | 'numbers';
  /** How many numbers the output has for one request; undefined: the model does not say. */
  width: number | undefined;
}

export interface PlanOptions {
  /** Sizes of dimensions that are open beside the batch, by name. */
  dimensions: Readonly<Record<string, number>>;
  /** @default the first output of floats with a size for each request */
  output?: string | undefined;
}

const BATCH = 'batch';
const TYPES: ReadonlySet<string> = new Set<TensorSpec['type']>(['float32', 'float16', 'int32', 'int64', 'int8', 'uint8', 'bool']);
const PAGE = 'docs/own-models.md, "A model that does not fit"';
const HELP: Readonly<Record<string, string>> = {
  float64: `; export it as float32, or put a Cast behind the input: ${PAGE}`,
  string: `; turn text into numbers in the adapter, and export the model from there on: ${PAGE}`,
};
const FLOATS: ReadonlySet<string> = new Set(['float32', 'float16']);

/**
 * @throws {TandemError} `model_not_supported`: what of the model does not fit, and how to export it so that it does;
 *   `usage`: sizes that have to be given, or an output that is not there
 */
export function planModel(tensors: ModelTensors, options: PlanOptions): ModelPlan {
  if (tensors.inputs.length === 0) throw unsupported('the model has no inputs');
  const inputs = Object.fromEntries(tensors.inputs.map((tensor) => [tensor.name, specOf(tensor, options.dimensions)]));
  requireKnown(options.dimensions, tensors.inputs);
  const output = outputOf(tensors.outputs, options);
  const sizes = output.spec.shape.slice(1);
  const width = sizes.every((size) => typeof size === 'number') ? sizes.reduce((product, size) => product * size, 1) : undefined;
  return { inputs, output, kind: FLOATS.has(output.spec.type) && sizes.length === 1 && width !== 1 ? 'classes' : 'numbers', width };
}

function specOf(tensor: Tensor, given: Readonly<Record<string, number>>): TensorSpec {
  const what = `input ${tensor.name}`;
  const type = typeOf(tensor, what);
  const [first, ...others] = tensor.shape;
  if (first === undefined || typeof first === 'number') {
    const shape = `[${tensor.shape.join(', ')}]`;
    throw unsupported(`${what} is ${shape}: its first dimension has to be open, for batches. Export it with one (torch.onnx.export: dynamic_axes={'${tensor.name}': {0: 'batch'}}), or open it in the file: docs/own-models.md, "A model that does not fit"`);
  }
  return { type, shape: [BATCH, ...others.map((size, index) => (typeof size === 'number' ? size : sizeOf(nameOf(tensor, index + 1), what, given)))] };
}

function typeOf({ type }: Tensor, what: string): TensorSpec['type'] {
  if (TYPES.has(type)) return type as TensorSpec['type'];
  throw unsupported(`${what} is ${type}; the engine takes ${[...TYPES].join(', ')}${HELP[type] ?? ''}`);
}

/** As the model calls an open dimension; one without a name is called by its place. */
function nameOf({ name, shape }: Tensor, axis: number): string {
  const size = shape[axis];
  return typeof size === 'string' && size !== '' ? size : `${name}-${axis}`;
}

function sizeOf(name: string, what: string, given: Readonly<Record<string, number>>): number {
  const size = given[name];
  if (size !== undefined) return size;
  throw new TandemError(`${what} has an open dimension ${name} beside the batch; say how large it is in requests: --dimension ${name}=16`, { code: 'usage' });
}

function requireKnown(given: Readonly<Record<string, number>>, inputs: readonly Tensor[]): void {
  const open = new Set(inputs.flatMap((tensor) => tensor.shape.flatMap((size, axis) => (axis > 0 && typeof size !== 'number' ? [nameOf(tensor, axis)] : []))));
  const strange = Object.keys(given).filter((name) => !open.has(name));
  if (strange.length > 0) throw new TandemError(`--dimension names ${strange.join(', ')}; open dimensions of the inputs are ${[...open].join(', ') || 'none (beside the batch)'}`, { code: 'usage' });
}

function outputOf(outputs: readonly Tensor[], { output: name, dimensions }: PlanOptions): ModelPlan['output'] {
  const names = outputs.map((tensor) => tensor.name).join(', ');
  const usable = outputs.filter(({ type, shape }) => TYPES.has(type) && typeof shape[0] !== 'number' && shape.length > 0);
  const chosen = name === undefined ? (usable.find(({ type, shape }) => FLOATS.has(type) && shape.length > 1) ?? usable[0]) : outputs.find((tensor) => tensor.name === name);
  if (chosen === undefined && name !== undefined) throw new TandemError(`--output ${name}: the model has ${names}`, { code: 'usage' });
  if (chosen === undefined || !usable.includes(chosen)) throw unsupported(`output ${chosen?.name ?? names} cannot be used: it has to be a tensor with a row for each request, of ${[...TYPES].join(', ')}; scikit-learn’s are when they are converted with options={'zipmap': False}`);
  const shape = chosen.shape.map((size, axis) => (axis === 0 ? BATCH : typeof size === 'number' ? size : (dimensions[nameOf(chosen, axis)] ?? nameOf(chosen, axis))));
  return { name: chosen.name, spec: { type: chosen.type as TensorSpec['type'], shape } };
}

function unsupported(message: string): TandemError {
  return new TandemError(message, { code: 'model_not_supported' });
}
