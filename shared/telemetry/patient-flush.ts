/** As long as a commit of offsets may wait for it. */
const PATIENCE_MS = 250;

export interface PatientFlushOptions {
  /** How many there have been so far. */
  added: () => number;
  /** Exports what there is; may reject. */
  flush: () => Promise<void>;
  /** @default 250 */
  patienceMs?: number;
}

/**
 * A flush that nobody waits for too long: one after the other, none while one hangs, as where the collector is away, and none where
 * nothing has been added since the last: traffic that is not sampled waits for nothing.
 */
export function patientFlush({ added, flush, patienceMs = PATIENCE_MS }: PatientFlushOptions): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  let hangs = false;
  let flushed = 0;
  const next = async () => {
    const now = added();
    await flush();
    flushed = now;
  };
  return async () => {
    if (hangs || flushed === added()) return;
    const mine = (last = last.then(next).catch(() => undefined));
    const { promise: patience, resolve } = Promise.withResolvers<'over'>();
    const timer = setTimeout(() => resolve('over'), patienceMs);
    const first = await Promise.race([mine, patience]);
    clearTimeout(timer);
    if (first !== 'over') return;
    hangs = true;
    void last.then(() => (hangs = false));
  };
}
