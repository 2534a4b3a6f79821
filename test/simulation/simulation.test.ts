import { describe, expect, test, vi } from 'vitest';
import { simulate, type Scenario, type Verdict } from './run.ts';

/** TANDEM_SIMULATION_RUNS makes it a long search; TANDEM_SIMULATION_SEED repeats one run. */
const RUNS = Number(process.env['TANDEM_SIMULATION_RUNS'] ?? 25);
const FIRST_SEED = Number(process.env['TANDEM_SIMULATION_SEED'] ?? 1);

vi.setConfig({ testTimeout: 300_000 });

const base: Omit<Scenario, 'seed' | 'delivery'> = { requests: 40, faults: 10, uncertainty: 0.05, staleReads: 0, cacheFailures: 0.02 };
const seeds = Array.from({ length: RUNS }, (_, index) => FIRST_SEED + index);

/** Cases of several kinds of faults are many. */
const fewerSeeds = seeds.slice(0, Math.ceil(RUNS / 3));

const failures = ({ lost, wrong, disordered }: Verdict) => ({ lost, wrong, disordered });
const NONE = { lost: [], wrong: [], disordered: [] };

test('without faults nothing is lost, doubled, swapped or out of order, and no provisional answer is behind its final one', async () => {
  for (const seed of seeds.slice(0, 10)) {
    const verdict = await simulate({ ...base, faults: 0, uncertainty: 0, cacheFailures: 0, delivery: 'at-least-once', seed });
    expect({ ...failures(verdict), doubled: verdict.doubled, behind: verdict.behind }, `seed ${seed}`).toEqual({ ...NONE, doubled: [], behind: [] });
    expect(verdict.provisional, `seed ${seed}`).toBeGreaterThan(0);
  }
});

test('at least once: whoever dies, ends or sleeps, nothing is lost, and doubled only where fusion died', async () => {
  for (const seed of seeds) {
    const verdict = await simulate({ ...base, delivery: 'at-least-once', seed });
    expect(failures(verdict), `seed ${seed}`).toEqual(NONE);
    if (verdict.fusionDeaths === 0) expect([...verdict.doubled, ...verdict.behind], `seed ${seed}`).toEqual([]);
  }
});

test('at least once: as long as nobody dies, each request is answered once, however long who sleeps', async () => {
  for (const seed of seeds) {
    const verdict = await simulate({ ...base, deaths: false, delivery: 'at-least-once', seed });
    expect({ ...failures(verdict), doubled: verdict.doubled, behind: verdict.behind }, `seed ${seed}`).toEqual({ ...NONE, doubled: [], behind: [] });
  }
});

test('exactly once: whoever dies or sleeps, and whoever believes to lead still, each request is answered once', async () => {
  for (const seed of seeds) {
    const verdict = await simulate({ ...base, staleReads: 0.2, delivery: 'exactly-once', seed });
    expect({ ...failures(verdict), doubled: verdict.doubled, behind: verdict.behind }, `seed ${seed}`).toEqual({ ...NONE, doubled: [], behind: [] });
  }
});

describe.each([
  ['all but the workers', ['classifier+scheduler+fusion', 'classifier+scheduler+fusion', 'classifier+scheduler+fusion', 'worker', 'worker']],
  ['all stages', ['classifier+scheduler+worker+fusion', 'classifier+scheduler+worker+fusion', 'classifier+scheduler+worker+fusion']],
  ['scheduler and fusion', ['classifier', 'scheduler+fusion', 'scheduler+fusion', 'worker', 'worker']],
  ['scheduler and workers', ['classifier', 'scheduler+worker', 'scheduler+worker', 'fusion', 'fusion']],
] as const)('chained: %s', (_, processes) => {
  test.each(['at-least-once', 'exactly-once'] as const)('%s: nothing is lost, swapped or out of order, and doubled only as promised', async (delivery) => {
    for (const seed of seeds) {
      const verdict = await simulate({ ...base, staleReads: delivery === 'exactly-once' ? 0.2 : 0, delivery, processes, seed });
      expect(failures(verdict), `seed ${seed}`).toEqual(NONE);
      if (verdict.fusionDeaths === 0 || delivery === 'exactly-once') expect([...verdict.doubled, ...verdict.behind], `seed ${seed}`).toEqual([]);
    }
  });
});

const ALL_AT_ONCE = ['classifier+scheduler+worker+fusion', 'classifier+scheduler+worker+fusion', 'classifier+scheduler+worker+fusion'] as const;

describe.each([
  ['clocks 5 s apart', { clocksApartMs: 5_000 }],
  ['a cache that goes and comes back, also empty', { cacheOutages: 3 }],
  ['sleepers that are replaced under their names', { replacements: 0.5 }],
  ['requests that are refused at the entry', { quotaPerSecond: 3 }],
  ['inputs that end their processes, and a cache that goes and comes back', { killers: 0.05, cacheOutages: 3 }],
  ['inputs that end their processes, and no cache', { killers: 0.05, cacheFailures: 1 }],
  ['inputs that end processes of all stages, and no cache', { killers: 0.05, cacheFailures: 1, processes: ALL_AT_ONCE }],
  ['all of that', { killers: 0.03, cacheOutages: 3, clocksApartMs: 5_000, replacements: 0.3, quotaPerSecond: 3 }],
] as const)('with %s', (_, more) => {
  test.each(['at-least-once', 'exactly-once'] as const)('%s: nothing is lost, swapped or out of order, and doubled only as promised', async (delivery) => {
    for (const seed of fewerSeeds) {
      const verdict = await simulate({ ...base, ...more, delivery, seed });
      expect(failures(verdict), `seed ${seed}`).toEqual(NONE);
      if (verdict.fusionDeaths === 0 || delivery === 'exactly-once') expect([...verdict.doubled, ...verdict.behind], `seed ${seed}`).toEqual([]);
    }
  });
});

test('a log that loses or repeats records is found out', async () => {
  const peaceful = { ...base, faults: 0, uncertainty: 0, cacheFailures: 0, delivery: 'at-least-once' as const };
  const found = { lost: 0, doubled: 0 };
  for (const seed of seeds.slice(0, 10)) {
    found.lost += (await simulate({ ...peaceful, seed, sabotage: 'lose' })).lost.length;
    found.doubled += (await simulate({ ...peaceful, seed, sabotage: 'repeat' })).doubled.length;
  }
  expect(found.lost).toBeGreaterThan(0);
  expect(found.doubled).toBeGreaterThan(0);
});

test('a process that sleeps, wakes and does not doubt is found out', async () => {
  let doubled = 0;
  for (const seed of seeds.slice(0, 25)) doubled += (await simulate({ ...base, deaths: false, delivery: 'at-least-once', seed, sabotage: 'never doubt' })).doubled.length;
  expect(doubled).toBeGreaterThan(0);
});

test('the same seed gives the same run', async () => {
  const scenario: Scenario = { ...base, delivery: 'exactly-once', seed: 7 };
  expect(await simulate(scenario)).toEqual(await simulate(scenario));
});
