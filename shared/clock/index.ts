/** Time as a port: the same core runs live, in tests and in the simulator. */
export interface Clock {
  /** Epoch ms. */
  now(): number;
  /** Calls back once at or after `at` (epoch ms); the returned function cancels. */
  schedule(at: number, callback: () => void): () => void;
}

/** Uniform in [0, 1). */
export type Random = () => number;

export const systemClock: Clock = {
  now: () => Date.now(),
  schedule(at, callback) {
    // setTimeout fires at once past 2^31 − 1 ms.
    const timer = setTimeout(callback, Math.min(Math.max(0, at - Date.now()), 2_147_483_647));
    return () => clearTimeout(timer);
  },
};
