import { TandemError } from '@tandem/shared/errors';
import type { StageOutput } from '@tandem/shared/runner';
import type { StepOfTask } from './records.ts';

/** Steps that cannot be decided yet, since no worker has said that it serves their model. Their records stay unacknowledged. */
export class WaitingSteps {
  readonly #decide: (at: StepOfTask) => StageOutput | undefined;
  readonly #waiting = new Map<StepOfTask, PromiseWithResolvers<StageOutput>>();

  /** @param decide undefined: it has to wait on */
  constructor(decide: (at: StepOfTask) => StageOutput | undefined) {
    this.#decide = decide;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Resolves when it has been decided.
   * @throws {TandemError} `stage_stopping`, retryable
   */
  add(at: StepOfTask): Promise<StageOutput> {
    const decided = Promise.withResolvers<StageOutput>();
    this.#waiting.set(at, decided);
    return decided.promise;
  }

  /** Something may have changed. */
  look(): void {
    for (const [at, { resolve }] of [...this.#waiting]) {
      const output = this.#decide(at);
      if (output === undefined) continue;
      this.#waiting.delete(at);
      resolve(output);
    }
  }

  /** Whoever gets their records next decides them. */
  handBack(): void {
    for (const { reject } of this.#waiting.values()) reject(new TandemError('this scheduler is going away; another will decide', { code: 'stage_stopping', retryable: true }));
    this.#waiting.clear();
  }
}
