import type { RankedItems } from '@tandem/schemas';
import { roundInPlace } from '../numbers.ts';

/**
 * The answer for one row of a batch while it is made. Used again for the next row, so that a row costs the two arrays
 * that are kept of it: to make, sort and cut a list of places of 100 candidates cost four times the time and 22 KB.
 */
export class BestItems {
  readonly #items: number[] = [];
  readonly #scores: number[] = [];
  #count = 0;

  /**
   * Of a list that is in order, the first. What is padding (ids below 1) or has no score is left out.
   * @param from where the row begins @param width of the row
   * @throws {Error} where the model gave nothing usable: an empty answer would hide that
   */
  first(most: number, items: ArrayLike<number>, scores: ArrayLike<number>, from: number, width: number): RankedItems {
    this.#count = 0;
    for (let index = from; index < from + width && this.#count < most; index += 1) {
      const score = scores[index] ?? NaN;
      if (!((items[index] ?? 0) > 0) || !Number.isFinite(score)) continue;
      this.#items[this.#count] = items[index]!;
      this.#scores[this.#count] = score;
      this.#count += 1;
    }
    return this.#take();
  }

  /**
   * Those with the highest scores, in order; of equal ones, the earlier first. What has no score is left out.
   * @param from where the row's scores begin
   * @throws {Error} where the model gave nothing usable: an empty answer would hide that
   */
  highest(most: number, items: ArrayLike<number>, scores: ArrayLike<number>, from: number): RankedItems {
    this.#count = 0;
    for (let index = 0; index < items.length; index += 1) {
      const score = scores[from + index] ?? NaN;
      if (Number.isFinite(score)) this.#insert(most, items[index]!, score);
    }
    return this.#take();
  }

  #insert(most: number, item: number, score: number): void {
    const items = this.#items;
    const scores = this.#scores;
    const isFull = this.#count >= most;
    if (isFull && !(scores[this.#count - 1]! < score)) return;
    if (!isFull) this.#count += 1;
    let place = this.#count - 1;
    for (; place > 0 && scores[place - 1]! < score; place -= 1) {
      items[place] = items[place - 1]!;
      scores[place] = scores[place - 1]!;
    }
    items[place] = item;
    scores[place] = score;
  }

  #take(): RankedItems {
    if (this.#count === 0) throw new Error('the model gave no item with a finite score');
    return { items: this.#items.slice(0, this.#count), scores: roundInPlace(this.#scores.slice(0, this.#count)) };
  }
}
