import { expect, test } from 'vitest';
import { IntakeDelay } from './intake-delay.ts';

/** So many requests a second, each of the ages in turn; whatever the time is at the end of it is returned. */
function listen(delay: IntakeDelay, ages: readonly number[], { from = 0, seconds = 2, perSecond = 200 } = {}): number {
  for (let index = 0; index < seconds * perSecond; index += 1) {
    const now = from + (index * 1_000) / perSecond;
    delay.heard(ages[index % ages.length]!, now);
    delay.excessMs(now);
  }
  return from + seconds * 1_000;
}

test.each([0, -40, 3_000])('what requests wait is counted from the luckiest on, whatever the clocks say: %i ms apart', (apart) => {
  const delay = new IntakeDelay();
  const now = listen(delay, [2 + apart, 12 + apart]);
  expect(delay.excessMs(now)).toBeCloseTo(5, 0);
});

test('nothing is known of few requests, nor long after the last', () => {
  const delay = new IntakeDelay();
  expect(delay.excessMs(0)).toBeUndefined();
  listen(delay, [2, 12], { perSecond: 10 });
  expect(delay.excessMs(2_000)).toBeUndefined();
  const now = listen(delay, [2, 12], { from: 3_000 });
  expect([delay.excessMs(now), delay.excessMs(now + 3_000)]).toEqual([expect.closeTo(5, 0), undefined]);
});

test('the luckiest is forgotten after two minutes: a clock that was put back does not count for ever', () => {
  const delay = new IntakeDelay();
  let now = listen(delay, [0]);
  now = listen(delay, [30, 40], { from: now });
  expect(delay.excessMs(now)).toBeCloseTo(35, 0);
  now = listen(delay, [30, 40], { from: now, seconds: 125 });
  expect(delay.excessMs(now)).toBeCloseTo(5, 0);
});
