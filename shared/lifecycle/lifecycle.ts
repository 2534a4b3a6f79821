import { TandemError } from '../errors/index.ts';

/** In this order, and never back: draining takes nothing new and finishes what it has. */
export type LifecycleState = 'starting' | 'running' | 'draining' | 'stopped';

const NEXT: Record<LifecycleState, readonly LifecycleState[]> = {
  starting: ['running', 'draining', 'stopped'],
  running: ['draining', 'stopped'],
  draining: ['stopped'],
  stopped: [],
};

/** One direction: starting → running → draining → stopped. */
export class Lifecycle {
  #state: LifecycleState = 'starting';

  get state(): LifecycleState {
    return this.#state;
  }

  /** @throws {TandemError} `lifecycle_order` when the step leads backwards */
  to(state: LifecycleState): void {
    if (!NEXT[this.#state].includes(state)) {
      throw new TandemError(`cannot go from ${this.#state} to ${state}`, { code: 'lifecycle_order' });
    }
    this.#state = state;
  }
}
