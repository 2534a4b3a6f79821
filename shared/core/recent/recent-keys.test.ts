import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RecentKeys } from './recent-keys.ts';

test('it knows exactly the newest keys of the window, and holds no more than it may', () => {
  const step = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), fc.integer({ min: 0, max: 40 }));
  fc.assert(fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
    const keys = new RecentKeys({ maxEntries: 4, windowMs: 100 });
    let model: { key: string; at: number }[] = [];
    let now = 0;
    for (const [key, passed] of steps) {
      now += passed;
      keys.add(key, now);
      model = [...model.filter((entry) => entry.key !== key), { key, at: now }].slice(-4);
      for (const known of 'abcdef') {
        expect(keys.has(known, now)).toBe(model.some((entry) => entry.key === known && now - entry.at < 100));
      }
      expect(keys.size).toBeLessThanOrEqual(4);
    }
  }));
});
