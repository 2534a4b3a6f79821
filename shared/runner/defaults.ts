import type { RunnerOptions } from './options.ts';
import { retryDelayMs } from './retry.ts';

export type CompleteOptions = Required<RunnerOptions>;

export function withDefaults(options: RunnerOptions): CompleteOptions {
  return {
    maxAttempts: 3,
    maxDeliveries: 5,
    retryBaseMs: 50,
    retryDelayMs,
    maxHeldRecords: 1_000,
    maxHeldBytes: 33_554_432,
    drainTimeoutMs: 10_000,
    commitIntervalMs: 500,
    heldBack: [],
    random: Math.random,
    ...options,
  };
}
