import type { Random } from '../clock/index.ts';

/** Draws 0 … size − 1, the k-th with a probability in proportion to 1 / (k + 1)^exponent. */
export function zipf(size: number, exponent: number, random: Random): () => number {
  const sums = new Float64Array(size);
  let sum = 0;
  for (let rank = 0; rank < size; rank += 1) sums[rank] = sum += (rank + 1) ** -exponent;
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, size - 1];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
