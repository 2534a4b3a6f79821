import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OffsetTracker } from './offset-tracker.ts';

/** The definition, slowly. */
class Model {
  readonly #delivered: number[] = [];
  readonly #acked = new Set<number>();
  #skippedTo: number | undefined;

  /** The offset after all that were delivered or skipped. */
  get #end(): number {
    return Math.max((this.#delivered.at(-1) ?? -1) + 1, this.#skippedTo ?? 0);
  }

  skipTo(position: number): void {
    if (this.pending === 0 && position >= this.#end) this.#skippedTo = position;
  }

  add(offset: number): void {
    this.#delivered.push(offset);
  }

  ack(offset: number): boolean {
    if (!this.#delivered.includes(offset) || this.#acked.has(offset)) return false;
    this.#acked.add(offset);
    return true;
  }

  get pending(): number {
    return this.#delivered.length - this.#acked.size;
  }

  get watermark(): number | undefined {
    const first = this.#delivered.find((offset) => !this.#acked.has(offset));
    if (first !== undefined) return first;
    return this.#delivered.length === 0 && this.#skippedTo === undefined ? undefined : this.#end;
  }
}

describe('an offset tracker', () => {
  it('has no watermark before the first record', () => {
    expect(new OffsetTracker().watermark).toBeUndefined();
  });

  it('holds the watermark at the first record that is not acknowledged', () => {
    const tracker = new OffsetTracker();
    for (const offset of [5, 6, 7, 8]) tracker.add(offset);
    for (const offset of [6, 8, 7]) tracker.ack(offset);
    expect(tracker.watermark).toBe(5);
    tracker.ack(5);
    expect(tracker.watermark).toBe(9);
  });

  it('takes offsets in ascending order only', () => {
    const tracker = new OffsetTracker();
    tracker.add(3);
    expect(() => tracker.add(3)).toThrow('offset 3 delivered after 3');
  });

  it('moves over records that will never come, but not over records in flight', () => {
    const tracker = new OffsetTracker();
    tracker.add(1);
    tracker.skipTo(9);
    expect(tracker.watermark).toBe(1);
    tracker.ack(1);
    tracker.skipTo(9);
    expect(tracker.watermark).toBe(9);
  });

  it('agrees with the definition for any gaps, skips and order of acknowledgements', () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ gap: fc.integer({ min: 0, max: 3 }) }) },
      { weight: 6, arbitrary: fc.record({ ack: fc.nat(300) }) },
      { weight: 1, arbitrary: fc.constant('ack all' as const) },
      { weight: 1, arbitrary: fc.record({ skip: fc.integer({ min: -5, max: 5 }) }) },
    );
    const steps = fc.array(step, { maxLength: 400 });
    const run = (given: ({ gap: number } | { ack: number } | { skip: number } | 'ack all')[]): void => {
      const [tracker, model] = [new OffsetTracker(), new Model()];
      let next = 0;
      for (const step of given) {
        if (step === 'ack all') {
          for (let offset = 0; offset < next; offset++) expect(tracker.ack(offset)).toBe(model.ack(offset));
        } else if ('skip' in step) {
          const position = Math.max(0, next + step.skip);
          const moves = model.pending === 0 && position >= next;
          tracker.skipTo(position);
          model.skipTo(position);
          if (moves) next = position;
        } else if ('gap' in step) {
          next += step.gap;
          tracker.add(next);
          model.add(next++);
        } else {
          expect(tracker.ack(step.ack)).toBe(model.ack(step.ack));
        }
        expect([tracker.watermark, tracker.pending]).toEqual([model.watermark, model.pending]);
      }
    };
    fc.assert(fc.property(steps, run), { numRuns: 300 });
  });

  it('keeps its place through many times its capacity', () => {
    const tracker = new OffsetTracker();
    for (let offset = 0; offset < 10_000; offset++) {
      tracker.add(offset);
      if (offset >= 100) tracker.ack(offset - 100);
    }
    expect([tracker.watermark, tracker.pending]).toEqual([9_900, 100]);
  });
});
