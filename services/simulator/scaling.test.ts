import { expect, test } from 'vitest';
import { poissonArrivals, type Arrivals } from '@tandem/shared/random';
import { linearTimes } from './model/service-times.ts';
import { simulate } from './simulate.ts';
import type { ScalingSpec, SimulationSpec } from './spec.ts';
import { specOf, worker } from './testing.ts';

/** A request takes 10 ms of a session whatever its batch, so a worker of one session carries 100 requests/s. */
const TIMES = linearTimes(0, 10);
const CARRIES = 100;
const STARTS_IN_MS = 4_000;
const RULES = { upAfterMs: 3_000, downAfterMs: 20_000 };

type Scaling = Partial<ScalingSpec> & { workers?: number; rebalanceMs?: number };

/** So many requests a second for a while, then so many others, and so on. */
function steps(parts: readonly { seconds: number; perSecond: number }[], random: () => number): Arrivals {
  let [part, fromMs] = [0, 0];
  let within = poissonArrivals(parts[0]!.perSecond, random);
  return {
    next() {
      for (;;) {
        const at = fromMs + within.next();
        const untilMs = fromMs + parts[part]!.seconds * 1_000;
        if (at < untilMs) return at;
        if ((part += 1) === parts.length) return Infinity;
        fromMs = untilMs;
        within = poissonArrivals(parts[part]!.perSecond, random);
      }
    },
  };
}

function scaled(parts: readonly { seconds: number; perSecond: number }[], { rules = RULES, workers = 8, rebalanceMs = 0, startMs = () => STARTS_IN_MS }: Scaling = {}, over: Partial<SimulationSpec> = {}) {
  const seconds = parts.reduce((sum, part) => sum + part.seconds, 0);
  const { scaling, ...figures } = simulate(specOf({
    seconds, ...over, traffic: { arrivals: (random) => steps(parts, random), deadlineMs: 1_000, sloMs: 1_000 },
    cluster: { workers: Array.from({ length: workers }, (_, index) => worker(`w${index}`, {}, TIMES)), scaling: { rules, startMs }, rebalanceMs: () => rebalanceMs },
  }));
  return { ...figures, wanted: scaling!.wantedBySecond, serving: scaling!.servingBySecond, changes: scaling!.changes };
}

/** As the target use has it. */
const neededFor = (perSecond: number) => Math.ceil(perSecond / CARRIES / 0.7);

test('a step of the load is followed: workers are wanted within the time that it has to last, serve when they have started, and go when it is over', () => {
  const { wanted, serving, ...figures } = scaled([{ seconds: 40, perSecond: 30 }, { seconds: 60, perSecond: 300 }, { seconds: 60, perSecond: 30 }]);
  expect(wanted[38]).toBe(1);
  expect(wanted[40 + 7]).toBeGreaterThanOrEqual(neededFor(300) - 1);
  expect(serving[40 + 7 + STARTS_IN_MS / 1_000 + 1]).toBeGreaterThanOrEqual(neededFor(300) - 1);
  expect(wanted.slice(60, 99).every((count) => count >= neededFor(300) - 1)).toBe(true);
  expect(wanted[158]).toBeLessThanOrEqual(2);
  expect(serving[158]).toBe(wanted[158]);
  expect(figures).toMatchObject({ unanswered: 0, doubled: 0 });
});

test('until the new ones have started what is too much is refused, not late; afterwards everything is in time', () => {
  const { inTimeShare, lateShare } = scaled([{ seconds: 20, perSecond: 50 }, { seconds: 60, perSecond: 300 }], {}, { warmUpSeconds: 35 });
  expect(inTimeShare).toBeGreaterThan(0.995);
  expect(lateShare).toBeLessThan(0.005);
});

test('a steady load with the noise of its arrivals moves nothing once it has settled', () => {
  for (const perSecond of [30, 150, 320]) {
    const { wanted } = scaled([{ seconds: 120, perSecond }]);
    expect(new Set(wanted.slice(40)).size).toBe(1);
  }
});

test('there are never more than the bound, also when it would take more, nor fewer than the least', () => {
  const { wanted, serving } = scaled([{ seconds: 40, perSecond: 600 }, { seconds: 60, perSecond: 1 }], { rules: { ...RULES, min: 2, max: 3 } });
  expect(Math.max(...wanted)).toBe(3);
  expect(Math.max(...serving)).toBe(3);
  expect(Math.min(...wanted)).toBe(2);
});

test('nothing is lost or answered twice while workers come and go and partitions are given out anew', () => {
  const parts = Array.from({ length: 6 }, (_, index) => ({ seconds: 20, perSecond: index % 2 === 0 ? 300 : 20 }));
  const { changes, ...figures } = scaled(parts, { rules: { upAfterMs: 1_000, downAfterMs: 5_000 }, rebalanceMs: 500 });
  expect(changes).toBeGreaterThan(5);
  expect(figures).toMatchObject({ unanswered: 0, doubled: 0 });
  expect(figures.answered).toBe(figures.offered);
});

test('the same seed gives the same workers', () => {
  const parts = [{ seconds: 20, perSecond: 50 }, { seconds: 30, perSecond: 300 }];
  const startMs: ScalingSpec['startMs'] = (random) => 2_000 + 4_000 * random();
  expect(scaled(parts, { startMs }).serving).toEqual(scaled(parts, { startMs }).serving);
});

test('bounds that the cluster cannot keep are refused', () => {
  expect(() => scaled([{ seconds: 1, perSecond: 1 }], { rules: { max: 9 } })).toThrow('scaling.rules.max is 9, but the cluster has 8 workers');
  expect(() => scaled([{ seconds: 1, perSecond: 1 }], { rules: { min: 0 } })).toThrow(/1 at least/);
  expect(() => scaled([{ seconds: 1, perSecond: 1 }], {}, { faults: [{ kind: 'worker-lost', instance: 'w3', atSeconds: 0 }] })).toThrow(/comes and goes with the load/);
});
