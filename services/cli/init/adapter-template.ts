import type { GraphSpec } from '@tandem/schemas';
import { WHOLE_NUMBERS } from '@tandem/shared/units';
import { widthOf } from './example.ts';
import type { ModelPlan } from './plan-model.ts';

export interface AdapterTemplate extends Pick<ModelPlan, 'inputs' | 'kind'> {
  /** Of the adapter. */
  name: string;
  graph: string;
  /** The output holds scores of any size; probabilities are made of them. */
  isSoftmaxNeeded: boolean;
}

function inputsText(inputs: GraphSpec['inputs']): string {
  return Object.entries(inputs).map(([name, spec]) => `  ${JSON.stringify(name)}: ${widthOf(spec)},`).join('\n');
}

function rangesText(inputs: GraphSpec['inputs']): string {
  return Object.entries(inputs).flatMap(([name, { type }]) => {
    const range = type === 'bool' ? [0, 1] : WHOLE_NUMBERS[type];
    return range === undefined ? [] : [`  ${JSON.stringify(name)}: [${range.join(', ')}],\n`];
  }).join('');
}

const SOFTMAX = `
/** The model gives scores of any size; these are the probabilities that they stand for. */
function softmax(scores) {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}
`;

const PRESENT_CLASSES = `  /** The answer as its receiver sees it. */
  present({ labels, probabilities }) {
    const best = probabilities.indexOf(Math.max(...probabilities));
    return { label: labels[best], confidence: probabilities[best], scores: Object.fromEntries(labels.map((label, index) => [label, probabilities[index]])) };
  },`;

const PRESENT_NUMBERS = `  /** The answer as its receiver sees it: the numbers of the output, one after the other. */
  present: ({ probabilities }) => ({ sequence: probabilities }),`;

const READ_INPUT = `/** Nested lists (a matrix, an image) count as the numbers in them. */
const flat = (value) => (Array.isArray(value) ? value.flat(Infinity) : [value]);

function problemOf(input) {
  if (typeof input !== 'object' || input === null) return { path: [], message: \`expected an object with \${Object.keys(WIDTHS).join(', ')}\` };
  for (const [name, width] of Object.entries(WIDTHS)) {
    const numbers = flat(input[name]);
    if (!numbers.every((number) => Number.isFinite(number))) return { path: [name], message: \`expected \${width} numbers\` };
    const [least, most] = WHOLE[name] ?? [];
    if (least !== undefined && !numbers.every((number) => Number.isInteger(number) && number >= least && number <= most)) return { path: [name], message: \`expected whole numbers from \${least} to \${most}\` };
    if (numbers.length !== width) return { path: [name], message: \`expected \${width} numbers, got \${numbers.length}\` };
  }
  return undefined;
}
`;

const HALF_PRECISION = `
/** Half precision crosses as its bits. */
const toTensor = (data, numbers) => (data instanceof Uint16Array ? new Uint16Array(new Float16Array(numbers).buffer) : numbers);
const fromTensor = (data) => Array.from(data instanceof Uint16Array ? new Float16Array(data.buffer, data.byteOffset, data.length) : data);
`;

const TAKE_INPUT = `  /** Anything with zod's safeParse. */
  inputSchema: {
    safeParse(input) {
      const problem = problemOf(input);
      return problem === undefined ? { success: true, data: input } : { success: false, error: { issues: [{ code: 'custom', ...problem }] } };
    },
  },
  /** What travels with the request through the flow: keep it small. */
  prepare: (input) => ({ features: Object.fromEntries(Object.keys(WIDTHS).map((name) => [name, flat(input[name])])), marks: [], hasCandidates: false }),`;

const ENCODE = `  /** Row i of each tensor belongs to batch[i]. */
  encode(_graph, batch, inputs) {
    for (const [name, width] of Object.entries(WIDTHS)) {
      const { data } = inputs[name];
      batch.forEach(({ task }, row) => data.set(toTensor(data, task.input[name]), row * width));
    }
  },`;

const RESULT_NUMBERS = '      return { labels: labels ?? row.map((_value, place) => String(place)), probabilities: row };';

function resultOfClasses(isSoftmaxNeeded: boolean): string {
  return `      const probabilities = ${isSoftmaxNeeded ? 'softmax(row)' : 'row'};
      // What "skipWhenConfident" of a plan looks at; without it, a later step always runs.
      const confidence = Math.max(...probabilities);
      return { labels: labels ?? row.map((_value, place) => String(place)), probabilities, confidence };`;
}

function decodeText({ kind, isSoftmaxNeeded }: AdapterTemplate): string {
  return `  /** One result for each row, copied: the tensors are used again. */
  decode(_graph, batch, outputs, { labels }) {
    const [output] = Object.values(outputs);
    const all = fromTensor(output.data);
    const width = all.length / batch.length;
    return batch.map((_, index) => {
      const row = all.slice(index * width, (index + 1) * width);
      if (!row.every((number) => Number.isFinite(number))) throw new Error('the model gave what is no number (NaN or infinite)');
${kind === 'classes' ? resultOfClasses(isSoftmaxNeeded) : RESULT_NUMBERS}
    });
  },`;
}

/** A JavaScript module that a workload can name; its reader shall want to change it. */
export function adapterText(template: AdapterTemplate): string {
  const { name, graph, inputs, kind, isSoftmaxNeeded } = template;
  return `// Turns the input of a request into the model's tensors, and its output into an answer. Made by "tandem init"; it is yours now.
// The interface: shared/core/adapters/types.ts; how to go on: docs/own-models.md.

/** The model's inputs, and how many numbers each takes for one request. */
const WIDTHS = {
${inputsText(inputs)}
};
/** Those of whole numbers, and the least and the most that their type holds. */
const WHOLE = {
${rangesText(inputs)}};

${READ_INPUT}${isSoftmaxNeeded ? SOFTMAX : ''}${HALF_PRECISION}
export const adapter = {
  name: ${JSON.stringify(name)},
${TAKE_INPUT}
  shape: () => ({ graph: ${JSON.stringify(graph)}, length: 1 }),
  dimensions: (_graph, batch) => ({ batch: batch.length }),
${ENCODE}
${decodeText(template)}
${kind === 'classes' ? PRESENT_CLASSES : PRESENT_NUMBERS}
  /** The answer where the model gave none in time; undefined: there is none. */
  fallback: () => undefined,
};
`;
}
