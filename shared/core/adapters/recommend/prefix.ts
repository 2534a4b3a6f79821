import type { RecommendFeatures, Variant, Work } from '@tandem/schemas';
import type { Dimensions, Invocation, InvocationResult } from '../../../engine/types.ts';
import { namedTensor } from '../named-tensor.ts';
import type { PrefixPoolSpec, PrefixRow, PrefixRun, PrefixSupport } from '../prefix-support.ts';
import { candidatesOf, featuresOf } from './candidates.ts';
import { copyInto, PLACEHOLDER_ITEM, rowOf } from './encode.ts';
import { servedLength } from './window.ts';

const FLOAT_BYTES = 4;

/** Tokens are the items of the window that is served, so a window that is rebuilt is simply another sequence. */
export const recommendPrefix: PrefixSupport = {
  pool: poolOf,
  tokens(work, variant) {
    const features = featuresOf(work);
    const { history } = features;
    const unserved = history.length - servedLength(features, variant);
    // Asked for several times a request, and mostly all of it is served.
    return unserved === 0 ? history : history.slice(unserved);
  },
  runs: (graph) => RUNS[graph],
  dimensions: prefixDimensions,
  encode: encodePrefix,
};

const RUNS: Readonly<Record<string, ReturnType<PrefixSupport['runs']>>> = { rank: runsFor('rank'), catalogue: runsFor('catalogue') };

/** The whole catalogue is listed from the state after the last item, by a graph of its own. */
function runsFor(instead: 'rank' | 'catalogue'): NonNullable<ReturnType<PrefixSupport['runs']>> {
  const step: PrefixRun = { kind: 'step', graph: 'step', kept: 'kvStep', isLast: false, instead };
  const runs = {
    prefill: { kind: 'prefill', graph: 'prefill', kept: 'kv', isLast: true, instead } as const,
    step,
    lastStep: { ...step, isLast: true },
  };
  if (instead === 'rank') return runs;
  return { ...runs, finish: { kind: 'finish', graph: 'listing', kept: '', isLast: true, instead } };
}

/** Pools of other precisions than FP32 are not known here: such variants go without. */
function poolOf({ graphs, limits }: Variant): PrefixPoolSpec | undefined {
  const pool = graphs['step']?.inputs['pool'];
  const positions = limits['maxLength'];
  const hasAll = graphs['prefill'] !== undefined && graphs['listing'] !== undefined && pool?.type === 'float32';
  if (!hasAll || positions === undefined) return undefined;
  const [slots, ...rest] = pool.shape;
  const open = rest.filter((size) => typeof size === 'string');
  if (typeof slots !== 'string' || open.length !== 1) return undefined;
  const bytes = rest.reduce((product: number, size) => product * (typeof size === 'number' ? size : positions), FLOAT_BYTES);
  return { input: 'pool', slotDimension: slots, positionDimension: open[0]!, positions, bytes };
}

function prefixDimensions({ kind, isLast, instead }: PrefixRun, rows: readonly PrefixRow[]): Dimensions {
  const batch = rows.length;
  if (kind === 'finish') return { batch, excluded: widest(rows, ({ work }) => featuresOf(work).history.length) };
  const candidates = isLast && instead === 'rank' ? widest(rows, ({ work }) => candidatesOf(work)?.items.length ?? 0) : 1;
  return kind === 'step' ? { batch, candidates } : { batch, candidates, length: widest(rows, ({ tokens }) => tokens.length) };
}

/** At least 1. */
function widest(rows: readonly PrefixRow[], width: (row: PrefixRow) => number): number {
  return rows.reduce((most, row) => Math.max(most, width(row)), 1);
}

function encodePrefix(run: PrefixRun, rows: readonly PrefixRow[], inputs: Invocation['inputs'], before?: InvocationResult['outputs']): void {
  const { kind, graph } = run;
  if (kind === 'finish') return encodeListing(graph, rows, inputs, before ?? {});
  const candidates = namedTensor(inputs, graph, 'candidates');
  rows.forEach(({ work }, row) => {
    if (run.isLast && run.instead === 'rank') copyInto(rowOf(candidates, row), candidatesOf(work)?.items ?? []);
    // Padding has a fixed score, whatever the state is.
    else candidates.data[row] = PLACEHOLDER_ITEM;
  });
  if (kind === 'step') return encodeStep(graph, rows, inputs);
  const history = namedTensor(inputs, graph, 'history');
  rows.forEach(({ tokens }, row) => copyInto(rowOf(history, row), tokens));
}

function encodeStep(graph: string, rows: readonly PrefixRow[], inputs: Invocation['inputs']): void {
  const [item, pastLength, slot] = ['item', 'pastLength', 'slot'].map((name) => namedTensor(inputs, graph, name).data);
  rows.forEach((given, row) => {
    item![row] = given.tokens[given.position] ?? 0;
    pastLength![row] = given.position;
    slot![row] = given.slot;
  });
}

function encodeListing(graph: string, rows: readonly PrefixRow[], inputs: Invocation['inputs'], before: InvocationResult['outputs']): void {
  namedTensor(inputs, graph, 'state').data.set(namedTensor(before, graph, 'state').data);
  const exclude = namedTensor(inputs, graph, 'exclude');
  rows.forEach(({ work }, row) => copyInto(rowOf(exclude, row), allItemsOf(work)));
}

function allItemsOf(work: Work): RecommendFeatures['history'] {
  return featuresOf(work).history;
}
