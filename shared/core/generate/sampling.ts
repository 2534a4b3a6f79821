/** How the next item is chosen. */
export interface SamplingRules {
  /** 0: always the best. Larger: more even. */
  temperature: number;
  /** Among so many of the best. */
  topK: number;
  /** The same seed and the same scores give the same items. */
  seed: number;
}

/** Items best first, with the model's scores. */
export interface Listing {
  items: ArrayLike<number>;
  scores: ArrayLike<number>;
}

/** What may come next, with its probabilities, most likely first. */
export interface NextItems {
  items: readonly number[];
  scores: readonly number[];
  /** Sum 1. */
  probabilities: readonly number[];
}

/**
 * The best of a listing that are not taken, by softmax(score / temperature). At temperature 0 all is on the best one.
 * @throws {Error} where nothing usable is left: an item out of nowhere would hide that
 */
export function nextItems({ items, scores }: Listing, taken: ReadonlySet<number>, { temperature, topK }: SamplingRules): NextItems {
  const most = temperature === 0 ? 1 : topK;
  const [kept, keptScores]: [number[], number[]] = [[], []];
  for (let index = 0; index < items.length && kept.length < most; index += 1) {
    const [item, score] = [items[index] ?? 0, scores[index] ?? NaN];
    if (!(item > 0) || !Number.isFinite(score) || taken.has(item)) continue;
    kept.push(item);
    keptScores.push(score);
  }
  const [best] = keptScores;
  if (best === undefined) throw new Error('the model gave no item with a finite score that is not taken');
  const weights = keptScores.map((score) => (temperature === 0 ? 1 : Math.exp((score - best) / temperature)));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return { items: kept, scores: keptScores, probabilities: weights.map((weight) => weight / sum) };
}

/** Index of the one that a number from 0 to 1 falls on. */
export function drawFrom(probabilities: readonly number[], uniform: number): number {
  let left = uniform;
  for (let index = 0; index < probabilities.length - 1; index += 1) {
    left -= probabilities[index]!;
    if (left < 0) return index;
  }
  return Math.max(0, probabilities.length - 1);
}

/** What a random number is for: numbers for different uses of one position are independent. */
export type DrawPurpose = 'item' | 'draft' | 'accept';

const PURPOSES: Readonly<Record<DrawPurpose, number>> = { item: 0x1b87_3593, draft: 0x2545_f491, accept: 0x7feb_352d };

/**
 * A number in [0, 1) from a request's seed and a position in its slate alone: company, preemption and redelivery change nothing.
 * The finalizer of MurmurHash3 (Appleby 2011), twice, for 53 bits.
 */
export function uniformAt(seed: number, position: number, purpose: DrawPurpose): number {
  const high = mix(mix(seed | 0) ^ Math.imul(position + 1, 0x9e37_79b1) ^ PURPOSES[purpose]);
  const low = mix(high ^ 0x85eb_ca6b);
  return ((high >>> 5) * 67_108_864 + (low >>> 6)) / 9_007_199_254_740_992;
}

function mix(value: number): number {
  let bits = value;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85eb_ca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
  return bits ^ (bits >>> 16);
}

/** 32 bits of a text, for requests that name no seed. FNV-1a. */
export function seedOf(text: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  return hash >>> 0;
}
