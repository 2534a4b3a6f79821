import type { Response } from '@tandem/schemas';
import { ErasedUsers as Register, ErasureWatch, type ErasureWatchOptions } from '@tandem/shared/erasure';

/** As long as classifiers remember an erasure: what is older than that is in no topic of answers any more. */
const REMEMBERED_MS = 45 * 86_400_000;

type Options = Omit<ErasureWatchOptions, 'onErased' | 'what'>;

/** Who was erased, and when, from the classifiers' notices. */
export class ErasedUsers {
  readonly #options: Options;
  readonly #users = new Register(REMEMBERED_MS);
  #watch: ErasureWatch | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  /** @param onErased also told of those who were erased before */
  follow(onErased: ErasureWatchOptions['onErased']): void {
    const { clock } = this.#options;
    this.#watch = new ErasureWatch({
      ...this.#options,
      what: 'answers to erased users',
      onErased: (user, erasedAt) => {
        if (erasedAt < clock.now() - REMEMBERED_MS) return;
        this.#users.add(user, erasedAt);
        onErased(user, erasedAt);
      },
    });
    this.#watch.start();
  }

  /** Whether it answers a request from before its user was erased. */
  forgets({ userId, time, latencyMs }: Pick<Response, 'userId' | 'time' | 'latencyMs'>): boolean {
    return userId !== undefined && this.#users.concerns({ userId, arrivedAt: time - latencyMs });
  }

  async close(): Promise<void> {
    await this.#watch?.stop();
  }
}
