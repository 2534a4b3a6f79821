import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FairShare, type Hold } from './fair-share.ts';

function takeAll(share: FairShare, tenant: string | undefined): Hold[] {
  const holds: Hold[] = [];
  for (let hold = share.take(tenant); hold !== undefined; hold = share.take(tenant)) holds.push(hold);
  return holds;
}

describe('a share of 0.8 of 100', () => {
  const hundred = () => new FairShare({ capacity: 100, tenantShare: 0.8 });

  test('lets a tenant that is alone have 80, and the next that comes most of the rest', () => {
    const share = hundred();
    expect([takeAll(share, 'a').length, takeAll(share, 'b').length, takeAll(share, 'c').length]).toEqual([80, 16, 4]);
  });

  test('gives all to a gateway that knows no tenants', () => {
    expect(takeAll(hundred(), undefined)).toHaveLength(100);
  });

  test('comes to equal parts when those who want all take turns', () => {
    const share = new FairShare({ capacity: 1_300, tenantShare: 0.8 });
    const held = new Map(['a', 'b', 'c'].map((tenant) => [tenant, takeAll(share, tenant)]));
    for (let turn = 0; turn < 2_000; turn++) {
      for (const holds of held.values()) holds.shift()?.release();
      for (const [tenant, holds] of held) holds.push(...takeAll(share, tenant));
    }
    for (const holds of held.values()) expect(Math.abs(holds.length - 400)).toBeLessThanOrEqual(8);
    expect(1_300 - share.used).toBeGreaterThan(90);
  });

  test('counts what is kept by several until the last lets go', () => {
    const share = hundred();
    const hold = share.take('a', 10);
    hold?.keep();
    hold?.release();
    expect(share.used).toBe(10);
    hold?.release();
    expect(share.used).toBe(0);
  });
});

test('whatever is taken and given back, there is never more out than there is, and nothing leaks', () => {
  const step = fc.record({ tenant: fc.constantFrom('a', 'b', 'c', undefined), amount: fc.integer({ min: 1, max: 40 }), isRelease: fc.boolean() });
  fc.assert(fc.property(fc.array(step, { maxLength: 200 }), fc.constantFrom(0.5, 0.8, 1), (steps, tenantShare) => {
    const share = new FairShare({ capacity: 100, tenantShare });
    const held: { amount: number; hold: Hold }[] = [];
    for (const { tenant, amount, isRelease } of steps) {
      if (isRelease) {
        held.shift()?.hold.release();
        continue;
      }
      const hold = share.take(tenant, amount);
      if (hold !== undefined) held.push({ amount, hold });
      expect(share.used).toBe(held.reduce((sum, one) => sum + one.amount, 0));
      expect(share.used).toBeLessThanOrEqual(100);
    }
    for (const { hold } of held) hold.release();
    expect(share.used).toBe(0);
    // Nothing is remembered of those who have gone.
    expect(takeAll(share, 'a')).toHaveLength(Math.floor(100 * tenantShare));
  }));
});
