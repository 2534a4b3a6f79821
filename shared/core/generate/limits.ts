import { QUEUE_RULES, type QueueRules } from '../batching/types.ts';

/** How sequences share sessions and memory. */
export interface SequenceLimits extends QueueRules {
  /** Sequences of one call. @default 32 */
  maxBatchSize: number;
  /** Calls at once. */
  sessions: number;
  /** Blocks of cache memory, with the one that is nobody's. */
  blocks: number;
  /** Tokens whose keys and values a block holds. */
  blockPositions: number;
  /**
   * Tokens of one call that computes prompts, padding included: so long may it delay the sequences that are under way.
   * Measured on one core: 8 prompts of 73 tokens take 5 ms, as long as three steps of 16 sequences. @default 640
   */
  maxPrefillTokens: number;
  /** While interactive work waits, bulk is admitted at least this often. @default 1000 */
  bulkEveryMs: number;
  /** Positions beyond its next token that a step may write: drafts. @default 0 */
  ahead: number;
}

export const SEQUENCE_LIMITS = {
  ...QUEUE_RULES, maxBatchSize: 32, maxPrefillTokens: 640, bulkEveryMs: 1_000, ahead: 0,
} as const satisfies Partial<SequenceLimits>;

/** What a decision looks at beside the sequences. */
export interface SequenceSituation {
  /** Epoch ms. */
  now: number;
  /** The least that a token can be expected to take, ms; 0: unknown. Who cannot make it by that leaves at once. */
  soonestTokenMs: number;
}
