import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GraphSpec, Variant } from '@tandem/schemas';
import { z } from 'zod';
import { float16FromBits, float16ToBits } from '../core/adapters/numbers.ts';
import { TandemError, messageOf } from '../errors/index.ts';
import type { Dimensions, Invocation, LoadedVariant, TensorView } from './types.ts';

const tensorSchema = z.object({ type: z.string(), shape: z.array(z.number().int().min(0)), data: z.array(z.number()) });
export type GoldenTensor = z.infer<typeof tensorSchema>;

const caseSchema = z.object({
  model: z.string(),
  precision: z.string(),
  version: z.string().optional().describe('of the model; absent: the one that the registry has as stable'),
  graph: z.string(),
  inputs: z.record(z.string(), tensorSchema),
  outputs: z.record(z.string(), tensorSchema),
});
/** Inputs of a graph, and what it answered when the model was exported. */
export type GoldenCase = z.infer<typeof caseSchema>;

const goldenSchema = z.object({ tolerance: z.number().positive(), cases: z.array(caseSchema) });
/** Inputs of a graph and the outputs that it gave when it was released. */
export type Golden = z.infer<typeof goldenSchema>;

const FILE = 'golden.json';
const MISSING = 'ENOENT';

/**
 * Reads `golden.json` beside a registry. Undefined: there is none.
 * @throws {TandemError} `golden_invalid`
 */
export async function loadGolden(modelsDirectory: string): Promise<Golden | undefined> {
  const file = join(modelsDirectory, FILE);
  try {
    const parsed = goldenSchema.safeParse(JSON.parse(await readFile(file, 'utf8')));
    if (parsed.success) return parsed.data;
    throw new Error(z.prettifyError(parsed.error));
  } catch (error) {
    if ((error as { code?: unknown }).code === MISSING) return undefined;
    throw new TandemError(`${file} cannot be used: ${messageOf(error)}`, { code: 'golden_invalid', cause: error });
  }
}

/** Answers are exact for the precision that they were taken at only. */
export function goldenCasesOf(golden: Golden | undefined, { model, precision }: Pick<Variant, 'model' | 'precision'>): GoldenCase[] {
  return golden?.cases.filter((each) => each.model === model && each.precision === precision) ?? [];
}

/**
 * Runs a golden input.
 * @returns the first difference to the golden answer in words; undefined: there is none
 * @throws what the engine throws
 */
export async function checkGolden(loaded: LoadedVariant, golden: GoldenCase, tolerance: number): Promise<string | undefined> {
  const graph = loaded.variant.graphs[golden.graph];
  if (graph === undefined) return `golden inputs are for a graph ${golden.graph}, which the variant does not have`;
  const outputs = await runGolden(loaded, golden);
  for (const [name, expected] of Object.entries(golden.outputs)) {
    const actual = outputs[name];
    const difference = actual === undefined ? 'is missing' : differenceOf(expected, actual, tolerance);
    if (difference !== undefined) return `${golden.graph}: output ${name} ${difference}`;
  }
  return undefined;
}

/** What a graph answers to a case's inputs, copied: the outputs that its registry entry declares. */
export async function runGolden(loaded: LoadedVariant, { graph, inputs }: Pick<GoldenCase, 'graph' | 'inputs'>): Promise<Record<string, GoldenTensor>> {
  const spec = loaded.variant.graphs[graph];
  if (spec === undefined) throw new TandemError(`the variant has no graph ${graph}`, { code: 'unknown_graph' });
  const invocation = await loaded.prepare(graph, dimensionsOf(spec, inputs));
  try {
    fill(invocation, inputs);
    const { outputs } = await invocation.run();
    return Object.fromEntries(Object.entries(spec.outputs).flatMap(([name, { type }]) => {
      const view = outputs[name];
      return view === undefined ? [] : [[name, { type, shape: [...view.dims], data: numbersOf(view) }]];
    }));
  } finally {
    invocation.release();
  }
}

/** Sizes of the dynamic dimensions as the inputs have them. */
function dimensionsOf({ inputs: specs }: GraphSpec, inputs: GoldenCase['inputs']): Dimensions {
  const sizes: Record<string, number> = {};
  for (const [name, { shape }] of Object.entries(specs)) {
    shape.forEach((dimension, axis) => {
      const size = inputs[name]?.shape[axis];
      if (typeof dimension === 'string' && size !== undefined) sizes[dimension] = size;
    });
  }
  return sizes;
}

function fill({ inputs: views }: Invocation, inputs: GoldenCase['inputs']): void {
  for (const [name, { data }] of Object.entries(inputs)) {
    const view = views[name]?.data;
    view?.set(view instanceof Uint16Array ? data.map(float16ToBits) : data);
  }
}

function numbersOf({ data }: TensorView): number[] {
  return data instanceof Uint16Array ? Array.from(data, float16FromBits) : Array.from(data as ArrayLike<number>);
}

function differenceOf(expected: GoldenTensor, actual: GoldenTensor, tolerance: number): string | undefined {
  if (expected.shape.join() !== actual.shape.join()) return `has the shape [${actual.shape.join(', ')}], not [${expected.shape.join(', ')}]`;
  const at = expected.data.findIndex((value, index) => !(Math.abs(value - (actual.data[index] ?? NaN)) <= tolerance));
  return at < 0 ? undefined : `differs: value ${at} is ${actual.data[at]}, was ${expected.data[at]} when the model was released (tolerance ${tolerance})`;
}
