import type { Clock } from './types.ts';

/** The correction may change while a timer runs, so that it looks again this often. */
const LOOK_AGAIN_MS = 1_000;

/**
 * A clock that tells another's time, such as a broker's, and runs its timers by it.
 * @param now epoch ms
 * @param base runs the timers
 */
export function correctedClock(now: () => number, base: Clock): Clock {
  return {
    now,
    schedule(at, callback) {
      let cancel: () => void = () => undefined;
      const arm = (): void => {
        const remainingMs = at - now();
        if (remainingMs <= 0) return callback();
        cancel = base.schedule(base.now() + Math.min(remainingMs, LOOK_AGAIN_MS), arm);
      };
      // Never inside this call.
      cancel = base.schedule(base.now() + Math.max(0, Math.min(at - now(), LOOK_AGAIN_MS)), arm);
      return () => cancel();
    },
  };
}
