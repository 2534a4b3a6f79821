const TOP = 10;

/** What a list of ten is judged by: was the next item in it, and how far up. */
export interface QualityFigures {
  answers: number;
  hitRateAt10: number;
  ndcgAt10: number;
  /** Of the hit rate, √(p(1−p)/n): two figures closer than about twice this are not told apart. */
  standardError: number;
}

/**
 * With one relevant item, the ideal DCG is 1, so NDCG@10 is 1/log2(rank + 1) for a rank from 1 to 10, else 0.
 * (Järvelin and Kekäläinen, 2002; He et al., 2017, for the leave-one-out form.)
 * @param items best first
 */
export function ndcgAt10(items: readonly string[], target: string): number {
  const index = items.slice(0, TOP).indexOf(target);
  return index < 0 ? 0 : 1 / Math.log2(index + 2);
}

/** HR@10 and NDCG@10 over answers; an answer without items counts as a miss. */
export class QualityTally {
  #answers = 0;
  #hits = 0;
  #gain = 0;

  add(items: readonly string[], target: string): void {
    const gain = ndcgAt10(items, target);
    this.#answers += 1;
    this.#hits += gain > 0 ? 1 : 0;
    this.#gain += gain;
  }

  figures(): QualityFigures {
    const answers = this.#answers;
    const hitRateAt10 = answers === 0 ? 0 : this.#hits / answers;
    return {
      answers,
      hitRateAt10,
      ndcgAt10: answers === 0 ? 0 : this.#gain / answers,
      standardError: answers === 0 ? 0 : Math.sqrt((hitRateAt10 * (1 - hitRateAt10)) / answers),
    };
  }
}
