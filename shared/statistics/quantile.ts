/**
 * The one definition of a quantile of measured values that everything here uses: linear between the two nearest ranks, type 7 of Hyndman and
 * Fan (Sample Quantiles in Statistical Packages, The American Statistician 50(4), 1996), as in NumPy and R by default. Of histograms see `Latencies`.
 * @param share 0 to 1
 * @param none what it is of no values
 */
export function quantile(values: readonly number[], share: number, none = NaN): number {
  return values.length === 0 ? none : (quantiles(values, share)[0] ?? none);
}

/** Several at once: the values are sorted once. NaN where there are none. */
export function quantiles(values: readonly number[], ...shares: number[]): number[] {
  const sorted = Float64Array.from(values).sort();
  return shares.map((share) => {
    const place = share * (sorted.length - 1);
    const below = sorted[Math.floor(place)] ?? NaN;
    const above = sorted[Math.ceil(place)] ?? NaN;
    return below === above ? below : below + (above - below) * (place - Math.floor(place));
  });
}

/** The middle value, or the mean of the two middle ones. @param none what it is of no values */
export function median(values: readonly number[], none = NaN): number {
  return quantile(values, 0.5, none);
}
