import type { Mark, Result, StepResult, Variant, Work } from '@tandem/schemas';
import type { z } from 'zod';
import type { Dimensions, InvocationResult, Invocation } from '../../engine/types.ts';
import type { DecodingSupport } from './decoding-support.ts';
import type { PrefixSupport } from './prefix-support.ts';

/** What the classifier knows of the user, as of the request. */
export interface UserHistory {
  /** The newest item ids, oldest first. */
  items: string[];
  /** How many interactions are known in all. */
  total: number;
}

/** What an adapter knows beside the input. */
export interface PrepareContext {
  /** Undefined: the request names no user or the user is unknown. */
  history: UserHistory | undefined;
  options: Readonly<Record<string, unknown>>;
  /** Stable variants of the workload's models, for catalogue sizes and labels. */
  variants: readonly Variant[];
}

/** What an adapter makes of a request’s input. */
export interface Prepared {
  /** Compact; travels in the task. */
  features: unknown;
  marks: Mark[];
  /** True: the sender's own list stands for the coarse step. */
  hasCandidates: boolean;
  /** Of the sequence that the models have to read. Absent: there is none. */
  length?: number;
}

/**
 * Everything that is particular to a kind of input: how a request becomes features, features become tensors,
 * tensors become a result. Pure.
 */
export interface Adapter {
  readonly name: string;
  readonly inputSchema: z.ZodType;
  /**
   * `encode` or `decode` look at the task's user, not only at features, plan and the results of steps before: cached
   * results are then kept apart by user and by how many of his interactions are known. @default false
   */
  readonly readsUser?: boolean;
  /** @throws {RecordError} `unknown_item`, `invalid_input` */
  prepare(input: unknown, context: PrepareContext): Prepared;
  /** Which graph of the variant a piece of work runs on, and its length for bucketing (1 where there is none). */
  shape(work: Work, variant: Variant): { graph: string; length: number };
  /** How its variants keep a sequence's keys and values between requests. @default they do not */
  readonly prefix?: PrefixSupport;
  /** How its variants decode sequences token by token; the worker then asks for nothing else of it but `prepare`, `present` and `fallback`. @default they do not */
  readonly decoding?: DecodingSupport;
  /** Sizes of the graph's dynamic dimensions for a batch. */
  dimensions(graph: string, batch: readonly Work[], variant: Variant): Dimensions;
  /** Fills the inputs; row i belongs to batch[i]. The views are zeroed. */
  encode(graph: string, batch: readonly Work[], inputs: Invocation['inputs'], variant: Variant): void;
  /** One result per row, copied out of the views. */
  decode(graph: string, batch: readonly Work[], outputs: InvocationResult['outputs'], variant: Variant): StepResult[];
  /** How many items of a ranking `present` looks at. @default all */
  shown?(features: unknown): number;
  /** The public form of a merged result. */
  present(result: StepResult, features: unknown): Result;
  /** The answer where no step gave one, for example popular items; undefined: there is none. */
  fallback(features: unknown, variants: readonly Variant[]): StepResult | undefined;
}
