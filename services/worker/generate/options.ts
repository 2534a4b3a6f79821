import type { CacheFormat } from '@tandem/shared/core';

/** How slates are decoded. */
export interface DecodingOptions {
  /** Of keys and values, over all variants that decode, each an equal share. @default 67108864 (64 MiB; the system gives it as it is used) */
  cacheBytes: number;
  /** How they are kept: fp16 takes half of fp32's memory, int8 a little more than a quarter. @default fp32 */
  cacheFormat: CacheFormat;
  /** Items that the variant's draft model proposes for each step, which its large one then judges together; 0: none. @default 0 */
  draftTokens: number;
  /** Sequences of one call. @default 32 */
  maxBatchSize: number;
}

export const DECODING_DEFAULTS: DecodingOptions = { cacheBytes: 67_108_864, cacheFormat: 'fp32', draftTokens: 0, maxBatchSize: 32 };

/** What decoding has done since the last report; counts that are absent are 0. */
export interface DecodingUse {
  /** Items that were generated. */
  tokens?: number;
  /** Tokens of prompts that were computed. */
  promptTokens?: number;
  /** Tokens of prompts that were found in memory. */
  reusedTokens?: number;
  /** Sequences that had to give way, and were computed again. */
  preemptions?: number;
  /** What finished sequences had left behind, given up for room. */
  evictions?: number;
  /** Items that the draft model proposed, and those of them that were right. */
  drafted?: number;
  accepted?: number;
  /** Memory of keys and values in use. */
  bytes?: number;
  /** Sequences that have memory, and those that wait for it. */
  underWay?: number;
  waiting?: number;
}
