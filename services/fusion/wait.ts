import type { Clock } from '@tandem/shared/clock';

export function wait(clock: Clock, durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(clock.now() + durationMs, resolve);
  });
}
