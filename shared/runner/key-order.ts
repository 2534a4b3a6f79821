import { PassingMap } from '../collections/index.ts';

/** One of a key's records. */
export interface Turn {
  /** It is this one's turn. Whoever began must leave or give up. */
  begin(): void;
  /** One before it was given up, so this one must not be handled either. */
  giveUp(): void;
}

/** Lets the records of a key have their turn one after the other; keys know nothing of one another. */
export class KeyOrder {
  /** Turns that wait, by key; a key is here while one of it is having its turn. */
  readonly #waiting = new PassingMap<string, Turn[]>();

  /** Begins at once or when those that entered before have left. */
  enter(key: string, turn: Turn): void {
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      waiting.push(turn);
      return;
    }
    this.#waiting.set(key, []);
    turn.begin();
  }

  leave(key: string): void {
    const waiting = this.#waiting.get(key);
    const next = waiting?.shift();
    if (next === undefined) this.#waiting.delete(key);
    // Not from here: thousands that end at once would be as many calls inside one another.
    else queueMicrotask(() => next.begin());
  }

  /** The key's records that wait are given up too. */
  giveUp(key: string): void {
    const waiting = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    for (const turn of waiting) turn.giveUp();
  }

  /** Keys with a record that has its turn. */
  get size(): number {
    return this.#waiting.size;
  }
}
