import type { Listing } from '@tandem/shared/core';
import type { Invocation, LoadedVariant, TensorView } from '@tandem/shared/engine';
import type { CacheMemory } from './cache-memory.ts';

/** A sequence's part in a call. */
export interface DecodeRow {
  /** To be computed, in order; their keys and values are kept. */
  tokens: readonly number[];
  /** Tokens before them, in the blocks. */
  past: number;
  blocks: readonly number[];
  /** After so many of the last tokens the catalogue is listed, 1 at least. */
  scored: number;
  /** Not to be listed: all of these lists. */
  excluded: readonly (readonly number[])[];
}

export interface DecodeCallOptions {
  loaded: LoadedVariant;
  graph: string;
  memory: CacheMemory;
}

/** The listing after one of a row's scored tokens; gone with the call. */
export type ListingAt = (place: number) => Listing;

/**
 * Computes new tokens of some sequences. Their keys and values are in memory before `use` sees what the call lists.
 * @returns what `use` makes of each row
 * @throws {TandemError} of the engine; {Error} where the graph gave numbers that cannot be kept
 */
export async function decode<T>(
  { loaded, graph, memory }: DecodeCallOptions, rows: readonly DecodeRow[], use: (listing: ListingAt, row: number) => T,
): Promise<{ used: T[]; computeMs: number }> {
  const widest = (of: (row: DecodeRow) => number) => rows.reduce((most, row) => Math.max(most, of(row)), 1);
  const scored = widest((row) => row.scored);
  const invocation = await loaded.prepare(graph, {
    batch: rows.length, tokens: widest((row) => row.tokens.length), scored, excluded: widest(excludedCount),
    blocks: widest((row) => Math.ceil(row.past / memory.positions)),
  });
  try {
    fill(invocation.inputs, rows, memory.positions);
    const { outputs, computeMs } = await invocation.run();
    const [items, scores, kv] = ['items', 'scores', 'kv'].map((name) => outputOf(outputs, name));
    rows.forEach((row, index) => {
      if (!memory.write(row.blocks, row.past, kv!, index, row.tokens.length)) throw new Error(`graph ${graph} gave keys or values that are not finite numbers`);
    });
    return { used: rows.map((_, row) => use(listingsOf(items!, scores!, row), row)), computeMs };
  } finally {
    invocation.release();
  }
}

/** The views are zeroed, so tables of short sequences are padded with block 0, which is nobody's. */
function fill(inputs: Invocation['inputs'], rows: readonly DecodeRow[], positions: number): void {
  const [tokens, pastLength, blocks, scored, exclude] = ['tokens', 'pastLength', 'blocks', 'scored', 'exclude'].map((name) => inputOf(inputs, name));
  rows.forEach((row, index) => {
    write(tokens!, index, row.tokens);
    pastLength!.data[index] = row.past;
    write(blocks!, index, row.blocks.slice(0, Math.ceil(row.past / positions)));
    const first = row.tokens.length - row.scored;
    write(scored!, index, Array.from({ length: row.scored }, (_, place) => first + place));
    let at = index * (exclude!.dims[1] ?? 1);
    for (const list of row.excluded) {
      exclude!.data.set(list, at);
      at += list.length;
    }
  });
}

function write({ dims, data }: TensorView, row: number, values: readonly number[]): void {
  data.set(values, row * (dims[1] ?? 1));
}

function excludedCount({ excluded }: DecodeRow): number {
  return excluded.reduce((sum, { length }) => sum + length, 0);
}

function listingsOf(items: TensorView, scores: TensorView, row: number): ListingAt {
  const [, scored = 1, listed = 0] = items.dims;
  return (place) => {
    const from = (row * scored + place) * listed;
    return { items: items.data.subarray(from, from + listed), scores: scores.data.subarray(from, from + listed) };
  };
}

function inputOf(inputs: Invocation['inputs'], name: string): TensorView {
  const view = inputs[name];
  if (view === undefined) throw new Error(`the decoder graph has no input ${name}; it has ${Object.keys(inputs).join(', ')}`);
  return view;
}

function outputOf(outputs: Readonly<Record<string, TensorView>>, name: string): TensorView {
  const view = outputs[name];
  if (view === undefined) throw new Error(`the decoder graph gave no ${name}; it gave ${Object.keys(outputs).join(', ')}`);
  return view;
}
