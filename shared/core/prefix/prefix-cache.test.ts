import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PrefixCache } from './prefix-cache.ts';
import type { PrefixLease } from './types.ts';

const create = (slots: number, over: { positions?: number; stepCostTokens?: number; idleMs?: number } = {}) =>
  new PrefixCache({ slots, positions: 16, stepCostTokens: 4, idleMs: 1_000, ...over });

/** Acquires and commits at once. */
function keep(cache: PrefixCache, owner: string, tokens: readonly number[], now = 0): PrefixLease {
  const lease = cache.acquire(owner, tokens, now)!;
  cache.commit(lease, now);
  return lease;
}

const upTo = (length: number, from = 1) => Array.from({ length }, (_, index) => from + index);

describe('what can be reused', () => {
  it('is all but the new tokens of a sequence that has grown', () => {
    const cache = create(2);
    keep(cache, 'u', upTo(8));
    expect(cache.match('u', upTo(9))).toEqual({ reused: 8, missing: 1 });
    expect(cache.match('u', upTo(10))).toEqual({ reused: 8, missing: 2 });
  });

  it('is all but the last token of the same sequence, whose state is what the answer is made of', () => {
    const cache = create(2);
    keep(cache, 'u', upTo(8));
    expect(cache.match('u', upTo(8))).toEqual({ reused: 7, missing: 1 });
    expect(cache.match('u', upTo(7))).toEqual({ reused: 6, missing: 1 });
  });

  it('is nothing where more is missing than pays: a step costs as much as four tokens here', () => {
    const cache = create(2);
    keep(cache, 'u', upTo(8));
    expect(cache.match('u', upTo(11)).reused).toBe(0);
    expect(cache.match('u', upTo(12)).reused).toBe(0);
    expect(create(2, { stepCostTokens: 1 }).match('u', upTo(12)).reused).toBe(0);
  });

  it('ends where a corrected history differs, even if it ends alike', () => {
    const cache = create(2);
    keep(cache, 'u', upTo(8));
    const corrected = upTo(9).with(6, 99);
    expect(cache.match('u', corrected)).toEqual({ reused: 0, missing: 9 });
    expect(create(2, { stepCostTokens: 3 }).match('u', corrected).reused).toBe(0);
    const lenient = create(2, { stepCostTokens: 3 });
    keep(lenient, 'u', upTo(8));
    expect(lenient.match('u', corrected)).toEqual({ reused: 6, missing: 3 });
  });

  it('is nothing of another owner, and nothing once the first token differs', () => {
    const cache = create(2);
    keep(cache, 'u', upTo(8));
    expect(cache.match('v', upTo(9)).reused).toBe(0);
    expect(cache.match('u', [0, ...upTo(8)]).reused).toBe(0);
  });
});

describe('slots', () => {
  it('make room for new owners, least recently used first', () => {
    const cache = create(2);
    keep(cache, 'a', upTo(4));
    keep(cache, 'b', upTo(4));
    keep(cache, 'a', upTo(5));
    keep(cache, 'c', upTo(4));
    expect(cache.match('b', upTo(5)).reused).toBe(0);
    expect(cache.match('a', upTo(6)).reused).toBe(5);
    expect(cache.counts).toEqual({ used: 2, evictions: 1, dropped: 0 });
  });

  it('stay with the batch that has them: neither their owner nor anyone else gets them meanwhile', () => {
    const cache = create(1);
    const lease = cache.acquire('a', upTo(4), 0)!;
    expect(cache.acquire('a', upTo(4), 0)).toBeUndefined();
    expect(cache.acquire('b', upTo(4), 0)).toBeUndefined();
    cache.commit(lease, 0);
    expect(cache.acquire('b', upTo(4), 0)).toMatchObject({ slot: lease.slot, reused: 0 });
  });

  it('are not taken from others where that is not allowed', () => {
    const cache = create(1);
    keep(cache, 'a', upTo(4));
    expect(cache.acquire('b', upTo(4), 0, false)).toBeUndefined();
    expect(cache.acquire('a', upTo(5), 0, false)).toMatchObject({ reused: 4 });
  });

  it('are not trusted after a batch that failed', () => {
    const cache = create(1);
    keep(cache, 'a', upTo(4));
    cache.drop(cache.acquire('a', upTo(5), 0)!);
    expect(cache.match('a', upTo(5)).reused).toBe(0);
    expect(cache.counts).toEqual({ used: 0, evictions: 0, dropped: 1 });
  });

  it('are not given to sequences that are empty or longer than they', () => {
    const cache = create(1);
    expect(cache.acquire('a', [], 0)).toBeUndefined();
    expect(cache.acquire('a', upTo(17), 0)).toBeUndefined();
    expect(cache.acquire('a', upTo(16), 0)).toMatchObject({ missing: 16 });
  });

  it('are given up when idle for too long, and named, to be wiped', () => {
    const cache = create(3);
    const [a, b] = [keep(cache, 'a', upTo(4), 0), keep(cache, 'b', upTo(4), 500)];
    const running = cache.acquire('c', upTo(4), 0)!;
    expect(cache.expire(999)).toEqual([]);
    expect(cache.expire(1_000)).toEqual([a.slot]);
    expect(cache.expire(9_000)).toEqual([b.slot]);
    cache.commit(running, 9_000);
    expect(cache.owners()).toEqual(['c']);
  });

  it('of a forgotten owner are named, or given up when their batch ends', () => {
    const cache = create(2);
    const { slot } = keep(cache, 'a', upTo(4));
    expect(cache.forget('a')).toBe(slot);
    expect(cache.forget('a')).toBeUndefined();
    const running = cache.acquire('b', upTo(4), 0)!;
    expect(cache.forget('b')).toBeUndefined();
    expect(cache.commit(running, 0)).toBe(false);
    expect(cache.owners()).toEqual([]);
  });

  it('cannot be committed or dropped twice', () => {
    const cache = create(1);
    const lease = keep(cache, 'a', upTo(4));
    expect(() => cache.commit(lease, 0)).toThrow('has ended before');
    expect(() => cache.drop(lease)).toThrow('has ended before');
  });
});

type Step =
  | { kind: 'ask'; owner: number; length: number; base: number; flip: number | undefined; mayEvict: boolean }
  | { kind: 'end'; which: number; how: 'commit' | 'fail' }
  | { kind: 'forget'; owner: number }
  | { kind: 'wait'; ms: number };

const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({
    kind: fc.constant('ask' as const), owner: fc.nat(4), length: fc.integer({ min: 0, max: 18 }), base: fc.nat(1),
    flip: fc.option(fc.nat(17), { nil: undefined }), mayEvict: fc.boolean(),
  }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat(5), how: fc.constantFrom('commit' as const, 'commit' as const, 'fail' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), owner: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(1_200) }) },
);

/** Memory as a model would see it: what a position holds says which tokens it was computed from. */
class ModelMemory {
  readonly #slots = new Map<string, string>();

  write(slot: number, tokens: readonly number[], from: number): void {
    for (let position = from; position < tokens.length; position += 1) this.#slots.set(`${slot}/${position}`, tokens.slice(0, position + 1).join());
  }

  read(slot: number, position: number): string | undefined {
    return this.#slots.get(`${slot}/${position}`);
  }

  scramble(slot: number, from: number): void {
    for (let position = from; position < 16; position += 1) this.#slots.set(`${slot}/${position}`, 'anything');
  }
}

it('whatever happens, a lease has its slot alone, and what it reuses was computed from the very tokens that it asks for', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 4 }), fc.array(stepArbitrary, { maxLength: 80 }), (slots, history) => {
    const cache = create(slots);
    const memory = new ModelMemory();
    const open: PrefixLease[] = [];
    let now = 0;
    for (const step of history) {
      if (step.kind === 'wait') cache.expire((now += step.ms));
      else if (step.kind === 'forget') cache.forget(`user-${step.owner}`);
      else if (step.kind === 'end') {
        const [lease] = open.splice(step.which, 1);
        if (lease === undefined) continue;
        if (step.how === 'commit') memory.write(lease.slot, lease.tokens, lease.reused);
        else memory.scramble(lease.slot, lease.reused === 0 ? 0 : lease.reused - 1);
        if (step.how === 'commit') cache.commit(lease, now);
        else cache.drop(lease);
      } else {
        const tokens = upTo(step.length, 100 * step.base).map((token, index) => (index === step.flip ? -token : token));
        const lease = cache.acquire(`user-${step.owner}`, tokens, now, step.mayEvict);
        if (lease === undefined) continue;
        expect(open.map(({ slot }) => slot)).not.toContain(lease.slot);
        expect(lease.reused + lease.missing).toBe(tokens.length);
        expect(lease.missing).toBeGreaterThan(0);
        for (let position = 0; position < lease.reused; position += 1) expect(memory.read(lease.slot, position)).toBe(tokens.slice(0, position + 1).join());
        // From now on its batch writes, at any time, behind what it reuses.
        memory.scramble(lease.slot, lease.reused);
        open.push(lease);
      }
      expect(cache.counts.used).toBeLessThanOrEqual(slots);
      expect(cache.counts.used).toBeGreaterThanOrEqual(open.length);
      expect(new Set(open.map(({ slot }) => slot)).size).toBe(open.length);
    }
  }), { numRuns: 500 });
});
