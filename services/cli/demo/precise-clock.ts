import type { Clock } from '@tandem/shared/clock';

/** Epoch ms with fractions, and steady: a step of the system's clock does not show up as a latency. */
export const preciseClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  schedule(at, callback) {
    const timer = setTimeout(callback, Math.max(0, at - preciseClock.now()));
    return () => clearTimeout(timer);
  },
};
