import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Quotas } from './quotas.ts';

const NO_RULES = { workloads: {}, tenants: {} };
const times = fc.array(fc.nat(200), { minLength: 1, maxLength: 400 }).map((gaps) => gaps.map(((at = 0) => (gap: number) => (at += gap))()));

test('in any span no more are let in than the quota allows in it, and one burst', () => {
  fc.assert(fc.property(times, fc.integer({ min: 1, max: 50 }), (all, rate) => {
    const quotas = new Quotas({ ...NO_RULES, workloads: { w: rate } });
    const admitted = all.filter((at) => quotas.refused('w', undefined, at) === undefined);
    for (const [first, from] of admitted.entries()) {
      for (let last = first; last < admitted.length; last += 1) {
        expect(last - first + 1).toBeLessThanOrEqual(Math.max(1, Math.min(5, rate)) + (rate * (admitted[last]! - from)) / 1_000 + 1);
      }
    }
  }));
});

test('who keeps to its quota is never refused, whatever others send', () => {
  fc.assert(fc.property(fc.array(fc.nat(60), { minLength: 100, maxLength: 400 }), fc.nat(1_000), (floods, seed) => {
    const quotas = new Quotas({ workloads: { good: 20, '*': 5 }, tenants: { quiet: 20, '*': 5 } });
    for (const [index, flood] of floods.entries()) {
      const at = seed + index * 50;
      for (let sent = 0; sent < flood; sent += 1) quotas.refused('loud', `loud-${sent % 3}`, at);
      expect(quotas.refused('good', 'quiet', at)).toBeUndefined();
    }
  }));
});

test('a request that its tenant may not send takes nothing of its workload', () => {
  const quotas = new Quotas({ workloads: { w: 3 }, tenants: { greedy: 1 } });
  const all = Array.from({ length: 10 }, () => quotas.refused('w', 'greedy', 0));
  expect(all.filter((reason) => reason === undefined)).toHaveLength(1);
  expect(all[1]).toBe('tenant greedy has sent more than its 1 requests a second');
  expect([quotas.refused('w', 'other', 0), quotas.refused('w', 'other', 0)]).toEqual([undefined, undefined]);
  expect(quotas.refused('w', 'other', 0)).toBe('workload w has more than its 3 requests a second');
});

test('each of several readers lets in as much as its share of the partitions', () => {
  const admitted = [0.75, 0.25].map((share) => {
    const quotas = new Quotas({ ...NO_RULES, workloads: { w: 100 } });
    quotas.reads(share);
    return Array.from({ length: 20_000 }, (_, at) => at).filter((at) => quotas.refused('w', undefined, at) === undefined).length;
  });
  expect(admitted[0]! / admitted[1]!).toBeCloseTo(3, 1);
  expect(admitted[0]! + admitted[1]!).toBeGreaterThanOrEqual(2_000);
  expect(admitted[0]! + admitted[1]!).toBeLessThanOrEqual(2_101);
});

test('what has no quota is not bounded, and names that every object has are names like others', () => {
  const quotas = new Quotas({ workloads: { w: 1 }, tenants: {} });
  expect(Array.from({ length: 100 }, () => quotas.refused('constructor', 'toString', 0)).every((reason) => reason === undefined)).toBe(true);
  expect(new Quotas(NO_RULES).isOn).toBe(false);
});

/** One server, first come first served, 1 ms each: how long the good one's requests take at the worst, ms. */
function worstOf(loudPerMs: number, quotas: Quotas | undefined): number {
  let [freeAt, worst, credit] = [0, 0, 0];
  const serve = (at: number) => (freeAt = Math.max(freeAt, at) + 1);
  for (let at = 0; at < 20_000; at += 1) {
    for (credit += loudPerMs; credit >= 1; credit -= 1) if (quotas?.refused('loud', 'a', at) === undefined) serve(at);
    if (at % 5 === 0 && quotas?.refused('good', 'b', at) === undefined) worst = Math.max(worst, serve(at) - at);
  }
  return worst;
}

test('a workload that sends twenty times its quota does not slow another; without quotas it does', () => {
  const quotas = () => new Quotas({ workloads: { loud: 500 }, tenants: {} });
  const calm = worstOf(0.5, undefined);
  expect(calm).toBeLessThanOrEqual(3);
  expect(worstOf(10, undefined)).toBeGreaterThan(10_000);
  // Beside what the loud one may send, its first burst has to be worked off.
  expect(worstOf(10, quotas())).toBeLessThanOrEqual(calm + 50);
});
