import { createMemoryCache, userHash, type Cache } from '@tandem/shared/cache';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resultOf, served, setUp, sharedCache, turns, variantOf, type Ending } from './reuse-testing.ts';

describe('whatever happens', () => {
  const event = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('ask' as const), input: fc.nat(4), deadlineMs: fc.option(fc.integer({ min: 1, max: 40 })), version: fc.constantFrom('1', '2'), lane: fc.constantFrom('interactive' as const, 'bulk' as const), userId: fc.constantFrom('ann', 'bob') }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat(20), ending: fc.constantFrom<Ending[]>('completed', 'completed', 'completed', 'failed', 'expired', 'cancelled', 'redispatched', 'handedBack') }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(40) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 50 }) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('erase' as const), userId: fc.constantFrom('ann', 'bob') }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
  );
  type Event = typeof event extends fc.Arbitrary<infer Value> ? Value : never;
  const versions = { 1: served(variantOf('1')), 2: served(variantOf('2')) };

  /** @param hash with few values: collisions all over */
  async function play(events: readonly Event[], hash: (content: unknown) => number, cache: Cache): Promise<void> {
    const { ask, end, reuse, clock, computing } = setUp({ hash, cache, freshness: 0.1 });
    const asked: (ReturnType<typeof ask> & { version: string })[] = [];
    for (const one of events) {
      if (one.kind === 'ask') {
        const deadlineAt = one.deadlineMs === null ? null : clock.now() + one.deadlineMs;
        const task = { requestId: `r${asked.length}`, deadlineAt, userId: one.userId, arrivedAt: clock.now() };
        asked.push(Object.assign(ask(one.input, task, { served: versions[one.version], lane: one.lane }), { version: one.version }));
      } else if (one.kind === 'end' && computing.length > 0) end(computing.splice(one.which % computing.length, 1)[0]!, one.ending);
      else if (one.kind === 'cancel') reuse.cancel(`r${one.which}`);
      else if (one.kind === 'pass') clock.advance(one.ms);
      else if (one.kind === 'erase') reuse.forget(userHash(one.userId), clock.now());
      else await turns();
    }
    for (let round = 0; round < 50 && asked.some(({ answers }) => answers === 0); round += 1) {
      await turns();
      clock.advance(100);
      for (const submission of computing.splice(0)) end(submission, 'completed');
    }
    for (const { answers, outcome, work, version } of asked) {
      expect(answers).toBe(1);
      if (outcome?.kind === 'completed') expect(outcome.result).toEqual(resultOf(work, version));
      if (outcome !== undefined) expect(outcome).toMatchObject({ requestId: work.task.requestId });
    }
    // A look-up whose request was taken back ends by itself, and its patience with it.
    await turns();
    expect(clock.pending).toBe(0);
  }

  it('leaves no timer behind where the only request is taken back during its look-up', async () => {
    const ask = { kind: 'ask', input: 0, deadlineMs: null, version: '1', lane: 'interactive', userId: 'ann' } as const;
    await play([ask, { kind: 'cancel', which: 0 }], () => 7, sharedCache());
  });

  it.each([
    ['one hash for everything', () => 7],
    ['two hashes for everything', (content: unknown) => JSON.stringify(content).length % 2],
  ])('each piece of work gets one answer, and never another’s, with %s', async (_, hash) => {
    await fc.assert(fc.asyncProperty(fc.array(event, { maxLength: 40 }), fc.boolean(), async (events, isShared) => {
      await play(events, hash, isShared ? sharedCache() : createMemoryCache({ maxEntries: 1_000 }));
    }), { numRuns: 300 });
  }, 60_000);
});
