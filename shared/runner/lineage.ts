import type { StageContext, StageOutput } from './types.ts';

type Done = readonly StageOutput[] | Promise<readonly StageOutput[]>;

const NOTHING: readonly StageOutput[] = [];

/**
 * Everything that one record leads to within a chain, until it is durable. It is counted, with one promise for all: one for each
 * part, and `Promise.all` for each that they are parts of, were 5 of 66 KB that a request allocated.
 */
export class Lineage {
  readonly context: StageContext;
  #underWay = 0;
  #settled: PromiseWithResolvers<readonly StageOutput[]> | undefined;

  private constructor(context: StageContext) {
    this.context = context;
  }

  /**
   * A promise only where something has to be waited for; it rejects with the first failure.
   * @throws what `lead` throws while nothing else is under way, which could fail later
   */
  static of(context: StageContext, lead: (lineage: Lineage) => void): Done {
    const lineage = new Lineage(context);
    try {
      lead(lineage);
    } catch (error) {
      if (lineage.#settled === undefined) throw error;
      lineage.#settled.reject(error);
    }
    return lineage.#settled?.promise ?? NOTHING;
  }

  /** Waits for work, and for what it leads to. @param ended is told first, however the work has ended */
  follow<Value>(work: Promise<Value>, lead?: (value: Value) => void, ended?: () => void): void {
    this.#underWay += 1;
    const { resolve, reject } = (this.#settled ??= Promise.withResolvers());
    const failed = (error: unknown) => {
      ended?.();
      reject(error);
    };
    const succeeded = (value: Value) => {
      try {
        ended?.();
        lead?.(value);
      } catch (error) {
        return reject(error);
      }
      this.#underWay -= 1;
      if (this.#underWay === 0) resolve(NOTHING);
    };
    void work.then(succeeded, failed);
  }
}
