import { drawFrom, type DrawPurpose, type NextItems } from './sampling.ts';

/** An item that a small model proposes, and how likely it was to. */
export interface Draft {
  item: number;
  from: NextItems;
}

/** An item that has been chosen, with the large model's score. */
export interface ChosenItem {
  item: number;
  score: number;
}

/** Chooses by a number from 0 to 1. */
export function choose({ items, scores, probabilities }: NextItems, uniform: number): ChosenItem {
  const index = drawFrom(probabilities, uniform);
  return { item: items[index]!, score: scores[index]! };
}

/**
 * Speculative sampling (Leviathan et al., ICML 2023; Chen et al. 2023): a draft x from q is accepted with probability
 * min(1, p(x) / q(x)); the first that is not is replaced by one from the positive part of p − q, and what comes after it is void. What
 * comes out is distributed as if drawn from p alone; where both are certain (temperature 0), it is the same item.
 * @param next the large model's distribution after the first so many of the drafts, all of them accepted
 * @param uniform for the position after so many drafts
 * @returns one more than drafts were accepted
 */
export function acceptDrafts(drafts: readonly Draft[], next: (accepted: number) => NextItems, uniform: (accepted: number, purpose: DrawPurpose) => number): ChosenItem[] {
  const chosen: ChosenItem[] = [];
  for (const { item, from } of drafts) {
    const at = chosen.length;
    const target = next(at);
    const [p, q] = [probabilityOf(target, item), probabilityOf(from, item)];
    if (uniform(at, 'accept') * q >= p) return [...chosen, choose(remainder(target, from), uniform(at, 'item'))];
    chosen.push({ item, score: target.scores[target.items.indexOf(item)]! });
  }
  return [...chosen, choose(next(chosen.length), uniform(chosen.length, 'item'))];
}

function probabilityOf({ items, probabilities }: NextItems, item: number): number {
  return probabilities[items.indexOf(item)] ?? 0;
}

/** The positive part of p − q, to sum 1; p itself where rounding leaves nothing. */
function remainder(p: NextItems, q: NextItems): NextItems {
  const left = p.items.map((item, index) => Math.max(0, p.probabilities[index]! - probabilityOf(q, item)));
  const sum = left.reduce((total, part) => total + part, 0);
  return sum > 0 ? { ...p, probabilities: left.map((part) => part / sum) } : p;
}
