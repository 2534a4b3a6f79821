import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sameKey, type ContentKey } from './content-key.ts';
import { Flights, type Urgency } from './flights.ts';
import { freshnessMs } from './freshness.ts';
import { Interned } from './interned.ts';
import { ResultStore } from './result-store.ts';
import { sameContent } from './same-content.ts';
import { structuralHash } from './structural-hash.ts';

const json = () => fc.jsonValue({ maxDepth: 4 });
const copyOf = <Value>(value: Value) => structuredClone(value);
const always = () => 7;
const contentKey = (content: unknown, hash: (content: unknown) => number = structuralHash): ContentKey => ({ hash: hash(content), content });

describe('the hash of a content', () => {
  it('is the same small integer for every copy of it', () => {
    fc.assert(fc.property(json(), (value) => {
      const hash = structuralHash(value);
      expect(structuralHash(copyOf(value))).toBe(hash);
      expect(Number.isInteger(hash) && hash >= 0 && hash < 2 ** 30).toBe(true);
    }));
  });

  it('tells histories that differ in one item apart, nearly always', () => {
    const hashes = new Set(Array.from({ length: 20_000 }, (_, index) => structuralHash({ history: [1, index, 3], limit: 10 })));
    expect(hashes.size).toBeGreaterThan(19_990);
  });
});

describe('the comparison of contents', () => {
  it('agrees with deep equality', () => {
    fc.assert(fc.property(json(), json(), (one, other) => {
      expect(sameContent(one, other)).toBe(isDeepStrictEqual(one, other));
      expect(sameContent(one, copyOf(one))).toBe(true);
    }));
  });

  it.each([
    [[1, 2], [2, 1]], [[1], [1, 2]], [{ a: 1 }, { b: 1 }], [{ a: 1, b: 2 }, { a: 1 }], [[], {}], ['1', 1], [0, -0], [null, 0], [{ a: [] }, { a: {} }], [JSON.parse('{"__proto__":{}}'), { a: 1 }], [{ toString: 1 }, { a: 1 }],
  ])('%j is not %j', (one, other) => {
    expect(sameContent(one, other)).toBe(false);
    expect(sameContent(other, one)).toBe(false);
  });
});

describe('stored results', () => {
  const store = (maxBytes = 100_000) => new ResultStore<string, string>({ maxBytes });
  const key = (content: unknown, hash?: () => number) => contentKey(content, hash);

  it('are found by an equal content, until they are too old', () => {
    const results = store();
    results.set(key([1, 2]), { value: 'a', storedAt: 100 }, 'ann');
    expect(results.get(key([1, 2]), 100)?.value).toBe('a');
    expect(results.get(key([1, 3]), 0)).toBeUndefined();
    expect(results.get(key([1, 2]), 101)).toBeUndefined();
    expect(results.size).toBe(0);
    expect(results.bytes).toBe(0);
  });

  it('are never another content’s, also where all hashes are the same', () => {
    const results = store();
    results.set(key('x', always), { value: 'of x', storedAt: 0 }, 'ann');
    expect(results.get(key('y', always), 0)).toBeUndefined();
    results.set(key('y', always), { value: 'of y', storedAt: 0 }, 'bob');
    expect(results.get(key('x', always), 0)).toBeUndefined();
    expect(results.get(key('y', always), 0)?.value).toBe('of y');
  });

  it('stay within their bytes, the least recently used go first', () => {
    const results = store(2_000);
    for (let index = 0; index < 50; index += 1) {
      results.set(key(['content', index]), { value: 'v', storedAt: 0 }, 'ann');
      results.get(key(['content', 0]), 0);
      expect(results.bytes).toBeLessThanOrEqual(2_000);
    }
    expect(results.get(key(['content', 0]), 0)).toBeDefined();
    expect(results.get(key(['content', 1]), 0)).toBeUndefined();
    expect(results.get(key(['content', 49]), 0)).toBeDefined();
  });

  it('that are larger than the whole store are not kept', () => {
    const results = store(1_000);
    results.set(key('small'), { value: 'v', storedAt: 0 }, 'ann');
    results.set(key('large'), { value: 'v'.repeat(1_000), storedAt: 0 }, 'ann');
    expect(results.get(key('large'), 0)).toBeUndefined();
    expect(results.get(key('small'), 0)).toBeDefined();
  });

  it('of one owner can be removed', () => {
    const results = store();
    for (const owner of ['ann', 'bob', 'ann']) results.set(key([owner, results.size]), { value: owner, storedAt: 0 }, owner);
    expect(results.removeWhere((owner) => owner === 'ann')).toBe(2);
    expect(results.size).toBe(1);
    expect(results.get(key(['bob', 1]), 0)?.value).toBe('bob');
  });

  it('are what a map without bounds would have, or nothing, whatever the hash', () => {
    const command = fc.record({ content: fc.integer({ min: 0, max: 20 }), at: fc.nat(100), kind: fc.constantFrom('set', 'get', 'remove') });
    fc.assert(fc.property(fc.array(command, { maxLength: 200 }), fc.integer({ min: 1, max: 10 }), fc.integer({ min: 300, max: 5_000 }), (commands, hashes, maxBytes) => {
      const results = store(maxBytes);
      const model = new Map<number, string>();
      const keyOf = (content: number) => contentKey({ content }, () => content % hashes);
      for (const [index, { content, kind }] of commands.entries()) {
        const value = `${content}/${index}`;
        if (kind === 'set') {
          results.set(keyOf(content), { value, storedAt: 0 }, String(content));
          model.set(content, value);
        } else if (kind === 'remove') results.removeWhere((owner) => owner === String(content));
        const found = results.get(keyOf(content), 0);
        if (kind === 'remove') expect(found).toBeUndefined();
        else if (found !== undefined) expect(found.value).toBe(model.get(content));
        expect(results.bytes).toBeLessThanOrEqual(maxBytes);
      }
      results.removeWhere(() => true);
      expect(results.bytes).toBe(0);
    }));
  });
});

describe('computations under way', () => {
  const urgency = (over: Partial<Urgency> = {}): Urgency => ({ lane: 'interactive', tier: 'standard', deadlineAt: 100, ...over });

  it('are found by an equal content only', () => {
    const flights = new Flights<string>();
    const flight = flights.begin(contentKey('x', always), urgency());
    expect(flights.find(contentKey('x', always), urgency())).toBe(flight);
    expect(flights.find(contentKey('y', always), urgency())).toBeUndefined();
  });

  it.each([
    ['no later deadline', urgency(), urgency({ deadlineAt: 200 }), true],
    ['no deadline behind one', urgency(), urgency({ deadlineAt: null }), true],
    ['a bulk request behind an interactive one', urgency(), urgency({ lane: 'bulk' }), true],
    ['an earlier deadline', urgency(), urgency({ deadlineAt: 99 }), false],
    ['a deadline behind none', urgency({ deadlineAt: null }), urgency(), false],
    ['an interactive request behind a bulk one', urgency({ lane: 'bulk' }), urgency(), false],
    ['another tier', urgency(), urgency({ tier: 'gold' }), false],
  ])('are waited for where that costs nobody his place: %s', (_, leader, follower, joins) => {
    const flights = new Flights<string>();
    flights.begin(contentKey('x'), leader);
    expect(flights.find(contentKey('x'), follower) !== undefined).toBe(joins);
  });

  it('end once, for those who waited for that very one', () => {
    const flights = new Flights<string>();
    const [first, second] = [flights.begin(contentKey('x'), urgency()), flights.begin(contentKey('x'), urgency({ deadlineAt: 50 }))];
    first.followers.add('one');
    second.followers.add('two');
    expect(flights.end(first)).toEqual(['one']);
    expect(flights.find(contentKey('x'), urgency())).toBe(second);
    expect(flights.end(second)).toEqual(['two']);
    expect(flights.end(second)).toEqual([]);
    expect(flights.size).toBe(0);
  });
});

it.each([['off', undefined], ['5 minutes', 300_000], ['1 hour', 3_600_000], ['1 day', 86_400_000], [0.5, 500]] as const)('a freshness of %s is %s ms', (freshness, ms) => {
  expect(freshnessMs(freshness)).toBe(ms);
});

it('equal values become one object', () => {
  const interned = new Interned<{ id: string; a: number[] }>();
  const first = interned.of({ id: 'full', a: [1] });
  expect(interned.of({ id: 'full', a: [1] })).toBe(first);
  for (const other of [{ id: 'full', a: [2] }, { id: 'fine', a: [1] }]) {
    expect(interned.of(other).value).toEqual(other);
    expect(interned.of(other).number).not.toBe(first.number);
  }
  for (let index = 0; index < 10_000; index += 1) expect(interned.of({ id: index % 2 === 0 ? 'full' : `${index}`, a: [index] }).value.a).toEqual([index]);
});

it('keys are the same only where hash and content are', () => {
  expect(sameKey(contentKey([1]), contentKey([1]))).toBe(true);
  expect(sameKey(contentKey([1], always), contentKey([2], always))).toBe(false);
});
