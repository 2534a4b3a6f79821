import type { Variant, Work } from '@tandem/schemas';
import type { Dimensions, Invocation, InvocationResult } from '../../engine/types.ts';

/** Where the keys and values of all slots lie: an input that the engine holds between calls. */
export interface PrefixPoolSpec {
  input: string;
  /** Which of the input's dimensions counts slots, and which their positions. */
  slotDimension: string;
  positionDimension: string;
  /** Of a slot: the longest sequence. */
  positions: number;
  /** Of a slot. */
  bytes: number;
}

/** One sequence's part in a run. */
export interface PrefixRow {
  work: Work;
  slot: number;
  tokens: readonly number[];
  /** A step computes this one; the slot holds those before it. A prefill computes all. */
  position: number;
}

/** One call of a graph on the way to an answer. */
export interface PrefixRun {
  /**
   * `prefill` computes whole sequences, `step` one more token of each; either gives keys and values to be kept, and perhaps
   * the answer. `finish` makes the answer from what the last of them gave.
   */
  kind: 'prefill' | 'step' | 'finish';
  graph: string;
  /** Its output of keys and values: prefill [batch, parts…, length, width], step [batch, parts…, width]. */
  kept: string;
  /** The last run before the answer; others need not score anything. */
  isLast: boolean;
  /** Graph that would answer this work without a cache: the one whose decoding fits the answer. */
  instead: string;
}

/**
 * How an adapter's variants keep the keys and values of a sequence between requests, so that a request costs the
 * tokens that are new. Pure. The variant must be causal, and a token's keys and values must depend on nothing but the tokens up to it.
 */
export interface PrefixSupport {
  /** Undefined: the variant has no graphs for it. */
  pool(variant: Variant): PrefixPoolSpec | undefined;
  /** What the model reads of a piece of work, oldest first; empty: nothing worth keeping. */
  tokens(work: Work, variant: Variant): readonly number[];
  /** The runs that answer work of a graph; undefined: such work goes without. */
  runs(graph: string): { prefill: PrefixRun; step: PrefixRun; lastStep: PrefixRun; finish?: PrefixRun } | undefined;
  dimensions(run: PrefixRun, rows: readonly PrefixRow[], variant: Variant): Dimensions;
  /**
   * Fills the inputs, but for the pool; row i belongs to rows[i]. The views are zeroed.
   * @param before for `finish`: the outputs of the run before it, rows in the same order
   */
  encode(run: PrefixRun, rows: readonly PrefixRow[], inputs: Invocation['inputs'], before?: InvocationResult['outputs']): void;
}
