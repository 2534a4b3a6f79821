const LEAST_MS = 0.5;
const GROWTH = 1.2;
/** The last one takes all from about 14 minutes on. */
const BUCKETS = 80;

export function noLatencies(): number[] {
  return new Array<number>(BUCKETS).fill(0);
}

export function bucketOf(ms: number): number {
  return ms < LEAST_MS ? 0 : Math.min(BUCKETS - 1, 1 + Math.floor(Math.log(ms / LEAST_MS) / Math.log(GROWTH)));
}

/** From where on a bucket begins, ms. */
function beginOf(bucket: number): number {
  return bucket === 0 ? 0 : LEAST_MS * GROWTH ** (bucket - 1);
}

/** The end of the bucket that the quantile lies in, ms: never too low. Undefined: there are none. @param share 0..1 */
export function latencyAt(counts: readonly number[], share: number): number | undefined {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all === 0) return undefined;
  let seen = 0;
  const bucket = counts.findIndex((count) => (seen += count) >= share * all);
  return beginOf(bucket + 1);
}

/** Those that certainly took longer. */
export function slowerThan(counts: readonly number[], ms: number): number {
  return counts.reduce((sum, count, bucket) => (beginOf(bucket) >= ms ? sum + count : sum), 0);
}
