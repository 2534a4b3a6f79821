import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allFaults, includesKind, scheduleFaults } from './schedule.ts';

const named = ({ kind, target }: { kind: string; target: string }) => `${kind}:${target}`;

test('the same seed gives the same faults, another seed others', () => {
  const options = { count: 100, spacingMs: 10_000 };
  expect(scheduleFaults({ seed: 7, ...options })).toEqual(scheduleFaults({ seed: 7, ...options }));
  expect(scheduleFaults({ seed: 7, ...options })).not.toEqual(scheduleFaults({ seed: 8, ...options }));
});

test('every kind on every target comes up before any comes up again', () => {
  const all = allFaults().map(named);
  fc.assert(fc.property(fc.nat(), (seed) => {
    const faults = scheduleFaults({ seed, count: all.length, spacingMs: 1_000 }).map(named);
    expect(faults.toSorted()).toEqual(all.toSorted());
  }), { numRuns: 20 });
});

test('faults come one after the other, none far from its turn, the last when it is planned', () => {
  fc.assert(fc.property(fc.nat(), fc.integer({ min: 100, max: 60_000 }), fc.integer({ min: 1, max: 60 }), (seed, spacingMs, count) => {
    const times = scheduleFaults({ seed, count, spacingMs }).map(({ atMs }) => atMs);
    expect(Math.abs(times.at(-1)! - count * spacingMs)).toBeLessThanOrEqual(1);
    for (const [index, atMs] of times.entries()) {
      const gap = atMs - (times[index - 1] ?? 0);
      expect(gap).toBeGreaterThanOrEqual(spacingMs / 3 - 1);
      expect(gap).toBeLessThanOrEqual(3 * spacingMs + 1);
    }
  }));
});

test('kinds can be chosen, with a target or with all of theirs', () => {
  const faults = scheduleFaults({ seed: 1, count: 60, spacingMs: 1_000, kinds: ['kill', 'cut:all'] });
  expect(new Set(faults.map(named))).toEqual(new Set(['kill:classifier', 'kill:scheduler', 'kill:worker', 'kill:fusion', 'cut:all']));
});

test('a full disk comes only where it is asked for', () => {
  expect(allFaults().map(({ kind }) => kind)).not.toContain('disk-full');
  expect([includesKind([], 'disk-full'), includesKind(['kill', 'disk-full'], 'disk-full')]).toEqual([false, true]);
  expect(scheduleFaults({ seed: 1, count: 3, spacingMs: 1_000, kinds: ['disk-full'] }).map(named)).toEqual(Array(3).fill('disk-full:server'));
});

test('names what exists when a kind does not', () => {
  expect(() => scheduleFaults({ seed: 1, count: 1, spacingMs: 1, kinds: ['explode'] })).toThrow(/no fault explode; there are kill, term/);
});
