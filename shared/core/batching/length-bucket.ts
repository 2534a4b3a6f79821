/** Upper bounds of the lengths that share a batch: padding to the longest wastes less than a third. */
export const LENGTH_BUCKETS: readonly number[] = [16, 32, 64, 96, 128];

/** The bucket's upper bound; beyond the last, powers of two. */
export function lengthBucket(length: number, buckets: readonly number[] = LENGTH_BUCKETS): number {
  if (length <= 1) return 1;
  return buckets.find((bound) => length <= bound) ?? 2 ** Math.ceil(Math.log2(length));
}
