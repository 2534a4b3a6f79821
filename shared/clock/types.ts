/** Time as a port: the same core runs live, in tests and in the simulator. */
export interface Clock {
  /** Epoch ms. */
  now(): number;
  /** Calls back once at or after `at` (epoch ms); the returned function cancels. */
  schedule(at: number, callback: () => void): () => void;
}

/** Uniform in [0, 1). */
export type Random = () => number;
