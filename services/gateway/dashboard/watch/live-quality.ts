import type { Interaction, Response } from '@tandem/schemas';
import type { QualityFigures } from '../snapshot.ts';

const TOP = 10;
const USERS = 20_000;
/** By path, so that the figure is of now. */
const JUDGED_KEPT = 5_000;
const PATHS = 24;
const INTERACTIONS_KEPT = 4;

interface Answer {
  path: string;
  items: readonly string[];
  /** When the request was appended: what the user did before it is not what it had to predict. */
  askedAt: number;
}

interface User {
  /** Not judged yet. */
  answers: Answer[];
  /** The newest last: an interaction may come before the answer that had to predict it. */
  interactions: { itemId: string; at: number }[];
}

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

/**
 * HR@10 as it happens: was what the user did first after the request among the ten items of its answer. Each answer is judged
 * once. Order is that of the broker's append times, since the act may be read before the answer.
 */
export class LiveQuality {
  readonly #users = new Map<string, User>();
  readonly #paths = new Map<string, Judgements>();

  answered({ userId, result, time, latencyMs }: Response, path: string): void {
    if (userId === undefined || result === undefined || !('items' in result) || result.items.length === 0) return;
    const user = this.#user(userId);
    const answer = { path, items: result.items.slice(0, TOP).map(({ itemId }) => itemId), askedAt: time - latencyMs };
    const act = user.interactions.find(({ at }) => at >= answer.askedAt);
    if (act !== undefined) return this.#judge(answer, act.itemId);
    user.answers.push(answer);
    if (user.answers.length > INTERACTIONS_KEPT) user.answers.shift();
  }

  /** @param at append time, epoch ms */
  acted({ userId, itemId }: Pick<Interaction, 'userId' | 'itemId'>, at: number): void {
    const user = this.#user(userId);
    user.interactions.push({ itemId, at });
    if (user.interactions.length > INTERACTIONS_KEPT) user.interactions.shift();
    for (const answer of user.answers.filter(({ askedAt }) => askedAt <= at)) this.#judge(answer, itemId);
    user.answers = user.answers.filter(({ askedAt }) => askedAt > at);
  }

  /** The most judged first. */
  get figures(): QualityFigures[] {
    return [...this.#paths].map(([path, judgements]) => judgements.figures(path)).sort((a, b) => b.judged - a.judged);
  }

  #judge({ path, items }: Answer, itemId: string): void {
    let judgements = this.#paths.get(path);
    if (judgements === undefined && this.#paths.size >= PATHS) return;
    if (judgements === undefined) this.#paths.set(path, judgements = new Judgements());
    judgements.add(items.includes(itemId));
  }

  /** The users that were seen last are kept. */
  #user(userId: string): User {
    const user = this.#users.get(userId) ?? { answers: [], interactions: [] };
    this.#users.delete(userId);
    this.#users.set(userId, user);
    if (this.#users.size > USERS) this.#users.delete(this.#users.keys().next().value ?? '');
    return user;
  }
}
