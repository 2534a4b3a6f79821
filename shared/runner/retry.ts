import type { Clock, Random } from '../clock/index.ts';

const MAX_PAUSE_MS = 5_000;
const DELAYS_MS = [1_000, 5_000, 30_000, 120_000] as const;
/** Of a delay: that far it may go below and above. */
const JITTER = 0.25;

/** Longer than any delay: what says it is due later than this was written by another clock. */
export const LONGEST_DELAY_MS = 120_000 * (1 + JITTER);

/** Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", 2015). */
export function pauseMs(attempt: number, baseMs: number, random: Random): number {
  return random() * Math.min(MAX_PAUSE_MS, baseMs * 2 ** (attempt - 1));
}

/** Until the next delivery of a record that has been delivered so often, from 1: 1 s, 5 s, 30 s, 2 min, 2 min …, ± 25 %. */
export function retryDelayMs(deliveries: number, random: Random): number {
  const delayMs = DELAYS_MS[Math.min(deliveries, DELAYS_MS.length) - 1] ?? DELAYS_MS[0];
  return delayMs * (1 + JITTER * (2 * random() - 1));
}

/** Waits for a promise, but not longer than this. */
export async function within(clock: Clock, durationMs: number, promise: Promise<unknown>): Promise<void> {
  const limit = Promise.withResolvers<undefined>();
  const cancel = clock.schedule(clock.now() + durationMs, () => limit.resolve(undefined));
  await Promise.race([promise, limit.promise]).finally(cancel);
}
