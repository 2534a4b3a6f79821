/**
 * Sizes of the batches behind the steps seen. A batch of n shows up as n steps that say n, so each step stands for
 * 1/n of a batch: the mean over batches is steps / Σ(1/n), not the mean of what the steps say.
 */
export class BatchTally {
  steps = 0;
  #batches = 0;

  /** @param batchSize 0: it was in no batch */
  add(batchSize: number): void {
    if (batchSize === 0) return;
    this.steps += 1;
    this.#batches += 1 / batchSize;
  }

  get meanBatchSize(): number {
    return this.steps === 0 ? 0 : this.steps / this.#batches;
  }
}
