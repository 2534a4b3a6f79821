/** As long as a commit of offsets may wait for it. */
const PATIENCE_MS = 250;

/**
 * A flush that nobody waits for too long: one after the other, and none while one hangs, as where the collector is away.
 * @param flush exports what there is; may reject
 */
export function patientFlush(flush: () => Promise<void>, patienceMs = PATIENCE_MS): () => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  let hangs = false;
  return async () => {
    if (hangs) return;
    const mine = (last = last.then(flush).catch(() => undefined));
    const { promise: patience, resolve } = Promise.withResolvers<'over'>();
    const timer = setTimeout(() => resolve('over'), patienceMs);
    const first = await Promise.race([mine, patience]);
    clearTimeout(timer);
    if (first !== 'over') return;
    hangs = true;
    void last.then(() => (hangs = false));
  };
}
