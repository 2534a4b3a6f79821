import type { Clock } from './types.ts';

/** The clock of this machine; tests and the simulator have their own. */
export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(at, callback) {
    // setTimeout fires at once past 2^31 − 1 ms.
    const timer = setTimeout(callback, Math.min(Math.max(0, at - Date.now()), 2_147_483_647));
    return () => clearTimeout(timer);
  },
};
