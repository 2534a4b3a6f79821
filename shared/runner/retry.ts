import type { Clock, Random } from '../clock/index.ts';

const MAX_PAUSE_MS = 5_000;

/** Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", 2015). */
export function pauseMs(attempt: number, baseMs: number, random: Random): number {
  return random() * Math.min(MAX_PAUSE_MS, baseMs * 2 ** (attempt - 1));
}

export function wait(clock: Clock, durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(clock.now() + durationMs, resolve);
  });
}

/** Waits for a promise, but not longer than this. */
export async function within(clock: Clock, durationMs: number, promise: Promise<unknown>): Promise<void> {
  const limit = Promise.withResolvers<undefined>();
  const cancel = clock.schedule(clock.now() + durationMs, () => limit.resolve(undefined));
  await Promise.race([promise, limit.promise]).finally(cancel);
}
