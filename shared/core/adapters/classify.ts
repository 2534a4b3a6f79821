import {
  classifyInputSchema, type ClassifyFeatures, type ClassifyInput, type ClassScores, type Result, type StepResult,
  type TensorSpec, type Variant, type Work,
} from '@tandem/schemas';
import { RecordError } from '../../errors/index.ts';
import type { Invocation, InvocationResult } from '../../engine/types.ts';
import { namedTensor } from './named-tensor.ts';
import { floatsOf, float16ToBits, roundTogether } from './numbers.ts';
import type { Adapter, Prepared, PrepareContext } from './types.ts';

const GRAPH = 'classify';

/**
 * Sorting numbers into classes.
 *
 * Graph `classify`: one float input [batch, …sizes], whatever its name → probabilities [batch, classes] and perhaps
 * confidence [batch]: the probability that the large model would give the same label.
 */
export const classifyAdapter: Adapter = {
  name: 'classify',
  inputSchema: classifyInputSchema,
  prepare,
  shape: () => ({ graph: GRAPH, length: 1 }),
  dimensions: (_graph, batch) => ({ batch: batch.length }),
  encode,
  decode,
  present,
  fallback: () => undefined,
};

/** @throws {RecordError} `invalid_input` where a model wants another number of values */
function prepare(input: unknown, { variants }: PrepareContext): Prepared {
  const { values } = input as ClassifyInput;
  for (const variant of variants) {
    const wanted = valuesWanted(variant);
    if (wanted !== undefined && wanted !== values.length) {
      throw new RecordError('invalid_input', `input.values has ${values.length} numbers; ${variant.model} takes ${wanted}`);
    }
  }
  return { features: { values } satisfies ClassifyFeatures, marks: [], hasCandidates: false };
}

/** Undefined: the model takes any number. */
function valuesWanted({ graphs }: Variant): number | undefined {
  const input = firstInput(graphs[GRAPH]?.inputs ?? {});
  if (input === undefined) return undefined;
  const sizes = input.shape.slice(1);
  return sizes.every((size) => typeof size === 'number') ? sizes.reduce((product, size) => product * size, 1) : undefined;
}

function firstInput(inputs: Readonly<Record<string, TensorSpec>>): TensorSpec | undefined {
  return Object.values(inputs)[0];
}

function encode(_graph: string, batch: readonly Work[], inputs: Invocation['inputs']): void {
  const [input] = Object.values(inputs);
  if (input === undefined) throw new Error(`graph ${GRAPH} has no input`);
  const { data } = input;
  const width = data.length / batch.length;
  batch.forEach((work, row) => {
    const { values } = work.task.input as ClassifyFeatures;
    const written = data instanceof Uint16Array ? values.map(float16ToBits) : values;
    data.set(written.slice(0, width), row * width);
  });
}

function decode(_graph: string, batch: readonly Work[], outputs: InvocationResult['outputs'], { labels }: Variant): ClassScores[] {
  const tensor = namedTensor(outputs, GRAPH, 'probabilities');
  const probabilities = floatsOf(tensor);
  const classes = tensor.dims[1] ?? 0;
  const names = labels ?? Array.from({ length: classes }, (_, index) => String(index));
  const confidences = outputs['confidence'] === undefined ? undefined : floatsOf(outputs['confidence']);
  return batch.map((_, row) => {
    const scores = Array.from({ length: classes }, (_value, index) => probabilities[row * classes + index] ?? NaN);
    if (!scores.every(Number.isFinite)) throw new Error('the model gave probabilities that are not numbers');
    const confidence = confidences?.[row];
    const rounded = { labels: names, probabilities: roundTogether(scores) };
    return confidence === undefined ? rounded : { ...rounded, confidence: Math.round(confidence * 1e5) / 1e5 };
  });
}

/** The public confidence is the label's own probability. */
function present(result: StepResult): Result {
  if ('items' in result) throw new TypeError('a classify step gave items instead of class scores');
  const { labels, probabilities } = result;
  const best = probabilities.indexOf(Math.max(...probabilities));
  const scores = Object.fromEntries(labels.map((label, index) => [label, probabilities[index] ?? 0]));
  return { label: labels[best] ?? '', confidence: probabilities[best] ?? 0, scores };
}
