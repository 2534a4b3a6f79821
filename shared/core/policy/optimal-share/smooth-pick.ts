/** Fractional part of the golden ratio: its multiples spread over 0..1 more evenly than lots (Weyl's sequence). */
const GOLDEN = 0.618_033_988_749_894_9;
const PARTITION_STEP = 0.414_213_562_373_095;

/** A request's place in 0..1, the same for each of its steps: requests that follow each other in a partition are spread evenly. */
export function placeOf(source: string): number {
  const [, partition = '0', offset = '0'] = /\/(\d+)\/(\d+)$/.exec(source) ?? [];
  const place = Number(offset) * GOLDEN + Number(partition) * PARTITION_STEP;
  return place - Math.floor(place);
}

/** Which share a place in 0..1 falls into. */
export function pick(shares: readonly number[], place: number): number {
  let left = place;
  for (const [index, share] of shares.entries()) {
    left -= share;
    if (left < 0) return index;
  }
  return shares.findLastIndex((share) => share > 0);
}
