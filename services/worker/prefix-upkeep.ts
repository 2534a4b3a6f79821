import { userHash } from '@tandem/shared/cache';
import { PREFIX_IDLE_MS, type WorkerStageOptions } from './options.ts';
import type { ServedVariant } from './served-variant.ts';

/** Ten looks in the time that a prefix may idle, so it stays at most a tenth longer. */
const LOOKS = 10;

/** Gives up prefixes that must not stay in memory: of users who were erased, and of those who do not come back. */
export class PrefixUpkeep {
  readonly #options: WorkerStageOptions;
  readonly #served: readonly ServedVariant[];
  /** Some variant keeps prefixes. */
  readonly isOn: boolean;
  #cancel: () => void = () => undefined;

  constructor(options: WorkerStageOptions, served: readonly ServedVariant[]) {
    this.#options = options;
    this.#served = served;
    this.isOn = served.some(({ prefixes }) => prefixes !== undefined);
  }

  start(): void {
    if (this.isOn) this.#lookLater();
  }

  stop(): void {
    this.#cancel();
  }

  /** @param user SHA-256 of the user id */
  forget(user: string): void {
    for (const { prefixes } of this.#served) prefixes?.forget((owner) => userHash(owner) === user);
  }

  #lookLater(): void {
    const { clock, prefixIdleMs = PREFIX_IDLE_MS } = this.#options;
    this.#cancel = clock.schedule(clock.now() + prefixIdleMs / LOOKS, () => {
      for (const { prefixes } of this.#served) prefixes?.expire();
      this.#lookLater();
    });
  }
}
