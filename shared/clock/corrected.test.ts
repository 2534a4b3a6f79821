import { describe, expect, it } from 'vitest';
import { correctedClock } from './corrected.ts';
import { ManualClock } from './manual.ts';

describe('a corrected clock', () => {
  it('runs its timers by the time that it tells', () => {
    for (const offsetMs of [-5_000, 0, 5_000]) {
      const base = new ManualClock(100_000);
      const clock = correctedClock(() => base.now() + offsetMs, base);
      let calledAt: number | undefined;
      clock.schedule(clock.now() + 2_500, () => (calledAt = base.now()));
      base.advance(2_499);
      expect(calledAt).toBeUndefined();
      base.advance(1);
      expect(calledAt).toBe(102_500);
    }
  });

  it('notices within a second that the correction has changed', () => {
    const base = new ManualClock(0);
    let offsetMs = 0;
    const clock = correctedClock(() => base.now() + offsetMs, base);
    const calls: number[] = [];
    clock.schedule(10_000, () => calls.push(base.now()));
    base.advance(1_500);
    offsetMs = 9_000;
    base.advance(1_000);
    expect(calls).toEqual([2_000]);
  });

  it('waits on where the correction was taken back', () => {
    const base = new ManualClock(0);
    let offsetMs = 500;
    const clock = correctedClock(() => base.now() + offsetMs, base);
    const calls: number[] = [];
    clock.schedule(1_000, () => calls.push(base.now()));
    offsetMs = 0;
    base.advance(999);
    expect(calls).toEqual([]);
    base.advance(1);
    expect(calls).toEqual([1_000]);
  });

  it('does not call back what was cancelled, before or after it looked again', () => {
    const base = new ManualClock(0);
    const clock = correctedClock(() => base.now(), base);
    const calls: number[] = [];
    const [first, second] = [clock.schedule(5_000, () => calls.push(1)), clock.schedule(5_000, () => calls.push(2))];
    first();
    base.advance(3_000);
    second();
    base.advance(10_000);
    expect(calls).toEqual([]);
    expect(base.pending).toBe(0);
  });

  it('calls back soon, and not at once, when it is late already', () => {
    const base = new ManualClock(1_000);
    const clock = correctedClock(() => base.now(), base);
    const calls: number[] = [];
    clock.schedule(0, () => calls.push(base.now()));
    expect(calls).toEqual([]);
    base.advance(0);
    expect(calls).toEqual([1_000]);
  });
});
