import type { Clock } from './types.ts';

/** Resolves after so many ms of the clock's time. */
export function wait(clock: Clock, durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(clock.now() + durationMs, resolve);
  });
}
