import type { StepResult, Variant, Work } from '@tandem/schemas';
import type { ChosenItem } from '../generate/drafts.ts';
import type { SamplingRules } from '../generate/sampling.ts';

/** How keys and values are kept between steps. */
export type CacheFormat = 'fp32' | 'fp16' | 'int8';

/** What a variant needs to be decoded with. */
export interface DecodingSpec {
  /** The longest sequence, prompt and generated. */
  maxLength: number;
  /**
   * Graph by kind of cache: tokens [batch, tokens], pastLength [batch], blocks [batch, blocks], scored [batch, scored], exclude [batch, excluded],
   * pool [poolBlocks, parts, heads, positions, width], for int8 scales [poolBlocks, parts, heads, positions] → items and scores
   * [batch, scored, listed], best first, kv [batch, parts, heads, tokens, width].
   */
  graphs: Readonly<Partial<Record<CacheFormat, string>>>;
  /** Graph of a smaller model that proposes: history [batch, length], exclude [batch, excluded] → items and scores [batch, listed]. */
  draft?: string;
}

/** One sequence to be decoded. */
export interface DecodingStart {
  /** Oldest first, one at least. */
  prompt: readonly number[];
  /** Older than the prompt; neither these nor the prompt's are to be generated. */
  older: readonly number[];
  count: number;
  sampling: SamplingRules;
}

/** How an adapter's work is decoded step by step. Pure. */
export interface DecodingSupport {
  /** Undefined: the variant has no graphs for it. */
  spec(variant: Variant): DecodingSpec | undefined;
  /** What to decode, or the answer where there is nothing to go on from. @throws {Error} for work that cannot be decoded */
  start(work: Work, variant: Variant): DecodingStart | StepResult;
  result(chosen: readonly ChosenItem[], work: Work): StepResult;
}

/** Tells what a decoder still has to write from a result that is there already. */
export function isDecodingStart(start: DecodingStart | StepResult): start is DecodingStart {
  return 'prompt' in start;
}
