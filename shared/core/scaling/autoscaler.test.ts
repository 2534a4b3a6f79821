import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Autoscaler } from './autoscaler.ts';
import { SCALING_DEFAULTS, type LoadSample, type ScalingRules } from './types.ts';

const SECOND = 1_000;
const SESSIONS_EACH = 2;

/** What a fleet of that many workers says about a second in which that many sessions' worth of work came. */
const sample = (second: number, workers: number, load: number, over: Partial<LoadSample> = {}): LoadSample =>
  ({ at: second * SECOND, durationMs: SECOND, workers, sessions: workers * SESSIONS_EACH, arrivedMs: load * SECOND, backlogMs: 0, asked: 1_000, refused: 0, bulk: 0, missed: 0, ...over });

/** Workers after each second; they start and end at once. */
function run(scaler: Autoscaler, seconds: number, loadAt: (second: number) => number, over: (second: number) => Partial<LoadSample> = () => ({})): number[] {
  return Array.from({ length: seconds }, (_, second) => scaler.update(sample(second, scaler.workers, loadAt(second), over(second))).workers);
}

const changes = (counts: readonly number[]) => counts.filter((count, index) => index > 0 && count !== counts[index - 1]).length;
const rules = (over: Partial<ScalingRules> = {}): Partial<ScalingRules> => ({ min: 1, max: 16, upAfterMs: 3_000, downAfterMs: 30_000, ...over });
const SECONDS = 240;
const shareOff = fc.oneof(fc.double({ min: -0.15, max: 0.15, noNaN: true }), fc.constantFrom(-0.15, 0.15));
/** It may stay where it is for a while: each second anew would never be low for as long as it takes for a worker to go. */
const noise = fc.array(fc.tuple(shareOff, fc.nat(50)), { minLength: SECONDS, maxLength: SECONDS })
  .map((spells) => spells.flatMap(([share, more]) => Array.from({ length: 1 + more }, () => share)).slice(0, SECONDS));

test('as many as there are when it begins to look stay until the load has said otherwise for long enough', () => {
  const scaler = new Autoscaler(rules());
  scaler.adopt(5);
  const counts = run(scaler, 40, () => 1);
  expect([new Set(counts.slice(0, 30)), counts.at(-1)]).toEqual([new Set([5]), 1]);
  scaler.adopt(99);
  expect(scaler.workers).toBe(16);
});

test('a worker that is still starting is not idle, however long that takes: it was woken up for something', () => {
  const scaler = new Autoscaler(rules({ min: 0, idleAfterMs: 5_000 }));
  const nothing = { asked: 0 };
  run(scaler, 10, () => 0, () => nothing);
  expect(scaler.workers).toBe(0);
  scaler.update(sample(10, 0, 0, { asked: 1 }));
  for (let second = 11; second < 60; second += 1) expect(scaler.update(sample(second, 0, 0, nothing)).workers).toBe(1);
  for (let second = 60; second < 64; second += 1) expect(scaler.update(sample(second, 1, 0, nothing)).workers).toBe(1);
  for (let second = 64; second < 70; second += 1) scaler.update(sample(second, 1, 0, nothing));
  expect(scaler.workers).toBe(0);
});

const anyLoad = fc.double({ min: 0.01, max: 20, noNaN: true });
/** Workers that so much work needs, so that none is used more than is meant. */
const neededFor = (load: number) => Math.min(16, Math.ceil(load / SESSIONS_EACH / SCALING_DEFAULTS.targetUse));
const runNoisy = (load: number, around: readonly number[]) => run(new Autoscaler(rules()), around.length, (second) => load * (1 + around[second]!));
/** As if noise had been at an end of its range four seconds in a row, at the 204th, and in its middle all other times: what a property test found. */
const LATE_PEAK = Array.from({ length: SECONDS }, (_, second) => (second >= 204 && second < 208 ? 0.15 : 0));

test('a constant load with noise of 15 % never takes a worker away, and adds none beyond what its peaks need', () => {
  fc.assert(fc.property(anyLoad, noise, (load, around) => {
    const counts = runNoisy(load, around);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(counts.at(-1)).toBeLessThanOrEqual(neededFor(1.15 * load));
  }), { examples: [[2.4347826086956537, LATE_PEAK]] });
});

test('where its lows and its peaks need the same number, it moves nothing from the fourth second on', () => {
  const even = anyLoad.filter((load) => neededFor(0.849 * load) === neededFor(1.151 * load));
  fc.assert(fc.property(even, noise, (load, around) => {
    expect(changes(runNoisy(load, around).slice(3))).toBe(0);
  }));
});

test('beyond what the two levels are apart noise that lasts is a change of the load, and followed both ways', () => {
  const { targetUse, lowerUse } = SCALING_DEFAULTS;
  const widest = (targetUse - lowerUse) / (targetUse + lowerUse);
  const peaksAndLows = (share: number) => Array.from({ length: SECONDS }, (_, second) => (second % 40 < 6 ? share : -share));
  const goesDown = (share: number) => {
    const load = (SESSIONS_EACH * targetUse * 4 * 1.001) / (1 + share);
    const counts = runNoisy(load, peaksAndLows(share));
    return counts.some((count, second) => second > 0 && count < counts[second - 1]!);
  };
  expect([goesDown(0.98 * widest), goesDown(1.02 * widest)]).toEqual([false, true]);
});

test('a step is followed within the time that an increase has to last, and two samples', () => {
  fc.assert(fc.property(fc.double({ min: 0.1, max: 20, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (high, part) => {
    const counts = run(new Autoscaler(rules()), 120, (second) => (second < 60 ? high * part : high));
    const needed = Math.min(16, Math.ceil(high / SESSIONS_EACH / 0.7));
    expect(counts[60 + 3 + 2]).toBeGreaterThanOrEqual(needed);
  }));
});

test('when the load has gone for long enough, what is no longer needed goes, and not before', () => {
  const counts = run(new Autoscaler(rules()), 120, (second) => (second < 40 ? 9 : 1));
  expect(counts[39]).toBe(7);
  expect(counts[40 + 29]).toBe(7);
  expect(counts[40 + 31]).toBe(1);
});

test('whatever is measured, there are never fewer workers than the least nor more than the most', () => {
  const any = fc.record({
    load: fc.oneof(fc.double({ min: 0, max: 1e9, noNaN: true }), fc.constant(0)), backlogMs: fc.double({ min: 0, max: 1e12, noNaN: true }),
    asked: fc.nat(10_000), refused: fc.nat(10_000), workers: fc.nat(20),
  });
  fc.assert(fc.property(fc.array(any, { minLength: 1, maxLength: 100 }), fc.integer({ min: 0, max: 5 }), fc.nat(5), (samples, min, more) => {
    const scaler = new Autoscaler(rules({ min, max: min + more, downAfterMs: 5_000, idleAfterMs: 5_000 }));
    for (const [second, { load, workers, ...over }] of samples.entries()) {
      const decided = scaler.update(sample(second, workers, load, { ...over, missed: over.refused })).workers;
      expect(decided).toBeGreaterThanOrEqual(min);
      expect(decided).toBeLessThanOrEqual(min + more);
    }
  }));
});

test('a backlog is worked off in time: it wants workers beside those for what comes in', () => {
  const counts = run(new Autoscaler(rules()), 10, () => 1, () => ({ backlogMs: 20_000 }));
  // 1 session for what comes, 10 to work off 20 s within 2.
  expect(counts.at(-1)).toBe(Math.ceil(11 / SESSIONS_EACH / 0.7));
});

test('a peak shorter than the increase has to last changes nothing', () => {
  expect(changes(run(new Autoscaler(rules()), 60, (second) => (second % 20 < 2 ? 10 : 0.5)))).toBe(0);
});

test('what was refused counts as load too, as it never arrived at a worker', () => {
  const counts = run(new Autoscaler(rules()), 10, () => 1.4, () => ({ refused: 500, missed: 500 }));
  expect([counts[2], counts[3]]).toEqual([1, 2]);
});

test('late steps of busy workers add one worker after the other, each when the last has had time to help, until they are idle', () => {
  const counts = run(new Autoscaler(rules()), 60, () => 1.39, () => ({ missed: 100 }));
  expect(counts.slice(0, 3)).toEqual([1, 1, 1]);
  expect(counts[4]).toBe(2);
  expect(counts[11]).toBe(2);
  expect(counts[14]).toBe(3);
  expect(counts.at(-1)).toBe(3);
});

test('late steps of idle workers add none: more of them would not mend it', () => {
  expect(run(new Autoscaler(rules()), 40, () => 0.1, () => ({ missed: 100 })).at(-1)).toBe(1);
});

describe('where there may be none', () => {
  const idle = rules({ min: 0, idleAfterMs: 20_000 });

  test('the last one goes when nothing has been asked for long enough, and comes back with the first question', () => {
    const counts = run(new Autoscaler(idle), 60, () => 0, (second) => ({ asked: second === 5 || second === 50 ? 1 : 0 }));
    expect(counts[24]).toBe(1);
    expect(counts[25]).toBe(0);
    expect(counts[49]).toBe(0);
    expect(counts[50]).toBe(1);
  });

  test('bulk keeps one awake and wakes one, and wants no second', () => {
    const counts = run(new Autoscaler(idle), 100, () => 0, (second) => ({ asked: 0, bulk: second < 40 || second >= 90 ? 500 : 0 }));
    expect([counts[39], counts[58], counts[60], counts[89], counts[90], counts[99]]).toEqual([1, 1, 0, 0, 1, 1]);
  });
});

describe('a load that rises steadily', () => {
  const rising = (second: number) => 0.5 + second * 0.05;
  const starting = (startMs: number) => {
    const scaler = new Autoscaler(rules());
    return Array.from({ length: 120 }, (_, second) => scaler.update(sample(second, scaler.workers, rising(second)), startMs).workers);
  };

  test('is met before it is there, by as long as a worker takes to start', () => {
    const [late, early] = [starting(0), starting(20_000)];
    const secondOf = (counts: readonly number[], wanted: number) => counts.findIndex((count) => count >= wanted);
    for (const wanted of [3, 4]) {
      const ahead = secondOf(late, wanted) - secondOf(early, wanted);
      expect(ahead).toBeGreaterThanOrEqual(18);
      expect(ahead).toBeLessThanOrEqual(22);
    }
  });
});

test('rules that contradict each other are refused', () => {
  expect(() => new Autoscaler({ min: 3, max: 2 })).toThrow('min is 3, and max 2');
  expect(() => new Autoscaler({ lowerUse: 0.8 })).toThrow(/lowerUse 0.8 must lie above 0 and below targetUse 0.7/);
});
