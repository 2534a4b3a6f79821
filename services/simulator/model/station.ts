import type { SharedCpu } from './shared-cpu.ts';

/** One thread of a stage: records one after the other, first come first served. */
export class Station {
  readonly #cpu: SharedCpu | undefined;
  readonly #costMs: number;
  #freeAt = 0;

  /** @param costMs of CPU that a record takes */
  constructor(costMs: number, cpu?: SharedCpu) {
    this.#costMs = costMs;
    this.#cpu = cpu;
  }

  /** @returns when a record that comes now is done, ms */
  serve(now: number): number {
    if (this.#costMs === 0) return now;
    const slowdown = this.#cpu?.stageSlowdown(now) ?? 1;
    this.#cpu?.staged(this.#costMs, now);
    this.#freeAt = Math.max(now, this.#freeAt) + this.#costMs * slowdown;
    return this.#freeAt;
  }
}
