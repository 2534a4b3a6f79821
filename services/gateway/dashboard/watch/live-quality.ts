import type { Interaction, Response } from '@tandem/schemas';
import { FirstActs } from '@tandem/shared/core';
import type { QualityFigures } from '../snapshot.ts';

const TOP = 10;
const USERS = 20_000;
/** By path, so that the figure is of now. */
const JUDGED_KEPT = 5_000;
const PATHS = 24;

/** Whether each of the last answers of a path was right. */
class Judgements {
  readonly #hits: boolean[] = [];
  #next = 0;
  #right = 0;

  add(isHit: boolean): void {
    if (this.#hits[this.#next] === true) this.#right -= 1;
    this.#hits[this.#next] = isHit;
    this.#right += isHit ? 1 : 0;
    this.#next = (this.#next + 1) % JUDGED_KEPT;
  }

  figures(path: string): QualityFigures {
    const judged = this.#hits.length;
    const hitRateAt10 = this.#right / judged;
    return { path, judged, hitRateAt10, standardError: Math.sqrt((hitRateAt10 * (1 - hitRateAt10)) / judged) };
  }
}

/** HR@10 as it happens, by path. */
export class LiveQuality {
  readonly #acts = new FirstActs<string>({ users: USERS, onJudged: (path, isHit) => this.#judge(path, isHit) });
  readonly #paths = new Map<string, Judgements>();

  answered({ userId, result, time, latencyMs }: Response, path: string): void {
    if (userId === undefined || result === undefined || !('items' in result) || result.items.length === 0) return;
    this.#acts.answered(userId, { items: result.items.slice(0, TOP).map(({ itemId }) => itemId), askedAt: time - latencyMs, label: path });
  }

  /** @param at append time, epoch ms */
  acted({ userId, itemId }: Pick<Interaction, 'userId' | 'itemId'>, at: number): void {
    this.#acts.acted(userId, itemId, at);
  }

  /** The most judged first. */
  get figures(): QualityFigures[] {
    return [...this.#paths].map(([path, judgements]) => judgements.figures(path)).sort((a, b) => b.judged - a.judged);
  }

  #judge(path: string, isHit: boolean): void {
    let judgements = this.#paths.get(path);
    if (judgements === undefined && this.#paths.size >= PATHS) return;
    if (judgements === undefined) this.#paths.set(path, judgements = new Judgements());
    judgements.add(isHit);
  }
}
