import type { ArmCounts } from '@tandem/schemas';

/** A difference, and how far it may be from the truth. */
export interface Interval {
  estimate: number;
  lower: number;
  upper: number;
}

type Judged = Pick<ArmCounts, 'users' | 'judged' | 'hits' | 'judgedSquared' | 'hitsSquared' | 'judgedHits'>;

function hitRate({ judged, hits }: Pick<ArmCounts, 'judged' | 'hits'>): number {
  return judged === 0 ? 0 : hits / judged;
}

/**
 * Of a hit rate over users who each were judged as often as they happened to be: the linearised variance of a ratio of sums over clusters
 * (Cochran, Sampling Techniques, 1977, chapter 6), since answers of one user are alike. What is added to hits and misses keeps an arm
 * without any hit from looking certain (Agresti and Coull, 1998).
 */
function hitRateVariance(counts: Judged): number {
  const { users, judged } = counts;
  if (users < 2) return Infinity;
  const rate = hitRate(counts);
  const squares = counts.hitsSquared - 2 * rate * counts.judgedHits + rate * rate * counts.judgedSquared;
  const clustered = (Math.max(0, squares) / (judged * judged)) * (users / (users - 1));
  const shrunk = (counts.hits + 2) / (judged + 4);
  return Math.max(clustered, (shrunk * (1 - shrunk)) / (judged + 4));
}

/** Of one arm, to be looked at now and then: 95 %, not for decisions. */
export function hitRateInterval(counts: Judged): Interval {
  const estimate = hitRate(counts);
  const half = 1.96 * Math.sqrt(hitRateVariance(counts));
  return { estimate, lower: Math.max(0, estimate - half), upper: Math.min(1, estimate + half) };
}

/**
 * The difference of two hit rates, with an interval that holds at all times at once with probability 1 − alpha, however often one looks and
 * whenever one stops: the mixture sequential probability ratio test with a normal mixture, turned round into a confidence sequence
 * (Johari, Koomen, Pekelis and Walsh, "Peeking at A/B tests", KDD 2017, and "Always valid inference", Operations Research 2022; with a variance that is
 * estimated it holds asymptotically: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, Annals of Statistics 2024). With variance V of the
 * difference and mixture variance τ², Λ = √(V/(V + τ²)) · exp(τ²δ²/(2V(V + τ²))) stays below 1/alpha for ever with that probability, so
 * δ² < V(V + τ²)/τ² · ln((V + τ²)/(alpha² V)).
 * @param effect τ: the difference at which it is sharpest
 */
export function differenceInterval(arm: Judged, control: Judged, { alpha, effect }: { alpha: number; effect: number }): Interval {
  const estimate = hitRate(arm) - hitRate(control);
  const variance = hitRateVariance(arm) + hitRateVariance(control);
  if (!Number.isFinite(variance)) return { estimate, lower: -1, upper: 1 };
  const mixture = effect * effect;
  const half = Math.sqrt(((variance * (variance + mixture)) / mixture) * Math.log((variance + mixture) / (alpha * alpha * variance)));
  return { estimate, lower: Math.max(-1, estimate - half), upper: Math.min(1, estimate + half) };
}
