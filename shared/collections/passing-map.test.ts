import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PassingMap } from './passing-map.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void;
const oldBytes = () => getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space')?.space_used_size ?? NaN;

interface Values {
  set(key: number, value: unknown): unknown;
  delete(key: number): boolean;
}

/** What gets old of some thousand values of 8 KB that were each in the map while ten others came, bytes. */
function promotedBy(map: Values): number {
  // The table gets old, as in any process that has run for a while.
  map.set(-1, undefined);
  collect();
  const before = oldBytes();
  for (let key = 0; key < 4_000; key += 1) {
    map.set(key, Array.from({ length: 1_000 }, () => key));
    map.delete(key - 10);
    if (key % 100 === 0) collect({ type: 'minor' });
  }
  return oldBytes() - before;
}

describe('a passing map', () => {
  it('lets values go that have been deleted, unlike the language\'s own', () => {
    const [own, ours] = [promotedBy(new Map()), promotedBy(new PassingMap())];
    expect(own).toBeGreaterThan(4_000_000);
    expect(ours).toBeLessThan(own / 4);
  });

  it('holds what a map holds, in its order', () => {
    const key = fc.integer({ min: 0, max: 20 });
    const command = fc.record({ kind: fc.constantFrom('set', 'add', 'delete', 'take'), key });
    fc.assert(fc.property(fc.array(command, { minLength: 600, maxLength: 2_000 }), (commands) => {
      const [map, model] = [new PassingMap<number, number>(), new Map<number, number>()];
      for (const [index, { kind, key: at }] of commands.entries()) {
        const before = model.get(at);
        if (kind === 'add') expect(map.add(at, index)).toBe(before === undefined);
        if (kind === 'set') map.set(at, index);
        if (kind === 'set' || (kind === 'add' && before === undefined)) model.set(at, index);
        if (kind === 'take') expect(map.take(at)).toBe(before);
        if (kind === 'delete') expect(map.delete(at)).toBe(before !== undefined);
        if (kind === 'take' || kind === 'delete') model.delete(at);
        expect([map.size, map.has(at), map.get(at)]).toEqual([model.size, model.has(at), model.get(at)]);
      }
      expect([...map]).toEqual([...model]);
      expect([...map.values()]).toEqual([...model.values()]);
    }), { numRuns: 30 });
  });

  it('can be emptied while it is gone through', () => {
    const map = new PassingMap<number, number>();
    for (let key = 0; key < 1_000; key += 1) map.set(key, key);
    const seen: number[] = [];
    for (const [key, value] of map) {
      seen.push(value);
      map.delete(key);
      map.delete(key + 1);
    }
    expect(seen).toEqual(Array.from({ length: 500 }, (_, index) => 2 * index));
    expect(map.size).toBe(0);
  });

  it('is empty when it was cleared', () => {
    const map = new PassingMap<string, number>().set('a', 1);
    map.clear();
    expect([map.size, map.get('a'), [...map]]).toEqual([0, undefined, []]);
  });
});
