import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { Watchdog, type ThreadRun } from './watchdog.ts';

function harness(boundMs: number) {
  let runs: ThreadRun[] = [];
  const hung: number[] = [];
  const watchdog = new Watchdog(boundMs, () => runs, (thread) => hung.push(thread));
  onTestFinished(() => watchdog.stop());
  const look = (now: number, now_: Record<number, string>) => {
    runs = Object.entries(now_).map(([thread, run]) => ({ thread: Number(thread), run }));
    watchdog.look(now);
  };
  return { look, hung };
}

test('a run beyond its bound is noticed at the second look after it', () => {
  const { look, hung } = harness(100);
  for (const now of [0, 50, 100, 101]) look(now, { 0: 'a', 1: `b${now}` });
  expect(hung).toEqual([]);
  look(113, { 0: 'a', 1: 'c' });
  expect(hung).toEqual([0]);
});

test('who gives way to others is granted as many times the bound as is said', () => {
  const hung: number[] = [];
  const watchdog = new Watchdog(100, () => [{ thread: 0, run: 'a', patience: 10 }, { thread: 1, run: 'b' }], (thread) => hung.push(thread));
  onTestFinished(() => watchdog.stop());
  for (const now of [0, 150, 200, 900, 1_000]) watchdog.look(now);
  expect(hung.filter((thread) => thread === 0)).toEqual([]);
  expect(hung).toContain(1);
  for (const now of [1_001, 1_050]) watchdog.look(now);
  expect(hung).toContain(0);
});

test('one long look away accuses nobody whose result was waiting to be read', () => {
  const { look, hung } = harness(100);
  look(0, { 0: 'a' });
  look(5_000, { 0: 'a' });
  look(5_010, { 0: 'b' });
  expect(hung).toEqual([]);
});

test('no run is accused before its bound, and each one at most once', () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.boolean()), { maxLength: 60 }), (steps) => {
    const { look, hung } = harness(100);
    let now = 0;
    let run = 0;
    let since = 0;
    let accused = false;
    for (const [passed, next] of steps) {
      now += passed;
      if (next || accused) [run, since, accused] = [run + 1, now, false];
      const before = hung.length;
      look(now, { 3: `run ${run}` });
      accused = hung.length > before;
      if (accused) expect(now - since).toBeGreaterThan(100);
    }
  }));
});
