import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SEQUENCE_LIMITS, SequenceSchedule, type NewSequence, type Sequence, type SequenceLimits } from './index.ts';

const BLOCK = 4;
const limits = (over: Partial<SequenceLimits> = {}): SequenceLimits => ({ ...SEQUENCE_LIMITS, sessions: 1, blocks: 13, blockPositions: BLOCK, maxBatchSize: 4, ...over });

function asked(payload: string, over: Partial<NewSequence<string>> = {}): NewSequence<string> {
  return { payload, prompt: [1, 2, 3], count: 3, lane: 'interactive', deadlineAt: null, enqueuedAt: 0, ...over };
}

const at = (now: number, soonestTokenMs = 0) => ({ now, soonestTokenMs });

/** Runs what there is to its end; each call takes a unit of time. @returns payloads by the call in which they ended, and all calls */
function runAll(schedule: SequenceSchedule<string>, from = 0): { ended: string[]; calls: { kind: string; payloads: string[] }[] } {
  const [ended, calls]: [string[], { kind: string; payloads: string[] }[]] = [[], []];
  for (let now = from; ; now += 1) {
    const { call, expired } = schedule.next(at(now));
    ended.push(...expired.map((sequence) => sequence.asked.payload));
    if (call === undefined) return { ended, calls };
    calls.push({ kind: call.kind, payloads: call.sequences.map((sequence) => sequence.asked.payload) });
    for (const sequence of call.sequences) if (schedule.advanced(sequence, [7], now) === 'finished') ended.push(sequence.asked.payload);
  }
}

test('a sequence joins while others are under way, and leaves without waiting for them', () => {
  const schedule = new SequenceSchedule<string>(limits());
  schedule.add(asked('long', { count: 6 }));
  const first = schedule.next(at(0)).call!;
  expect(first).toMatchObject({ kind: 'prefill' });
  schedule.advanced(first.sequences[0]!, [7], 0);
  schedule.add(asked('short', { count: 2 }));
  const { ended, calls } = runAll(schedule);
  expect(calls.slice(0, 3)).toEqual([
    { kind: 'step', payloads: ['long'] }, { kind: 'prefill', payloads: ['short'] }, { kind: 'step', payloads: ['long', 'short'] },
  ].slice(0, 3));
  expect(ended).toEqual(['short', 'long']);
});

test('prompts of very different lengths do not share a call: padding would cost more than company saves', () => {
  const schedule = new SequenceSchedule<string>(limits({ blocks: 200 }));
  schedule.add(asked('a', { prompt: Array.from({ length: 40 }, () => 1), count: 1 }));
  schedule.add(asked('b', { count: 1 }));
  schedule.add(asked('c', { count: 1 }));
  expect(runAll(schedule).calls.map(({ payloads }) => payloads)).toEqual([['a'], ['b', 'c']]);
});

test('where memory runs out, the last in turn waits again with what it has, and nobody ahead of it is held up', () => {
  const schedule = new SequenceSchedule<string>(limits({ blocks: 5 }));
  const [first, second] = [schedule.add(asked('first', { count: 12 })), schedule.add(asked('second', { count: 12 }))];
  const { ended } = runAll(schedule);
  expect(ended).toEqual(['first', 'second']);
  expect([first.preemptions, second.preemptions]).toEqual([0, 1]);
  expect(second.generated).toHaveLength(12);
});

test('who comes back goes on from what was left in memory; what was corrected is computed anew', () => {
  const schedule = new SequenceSchedule<string>(limits({ blocks: 40 }));
  const prompt = Array.from({ length: 20 }, (_, index) => index + 1);
  schedule.add(asked('first', { owner: 'u', prompt, count: 2 }));
  runAll(schedule);
  const again = schedule.add(asked('again', { owner: 'u', prompt: [...prompt, 99], count: 1 }));
  expect(schedule.next(at(9)).call).toMatchObject({ kind: 'step' });
  expect(again.cached).toBe(20);
  expect(schedule.reusedTokens).toBe(20);
  schedule.advanced(again, [7], 9);
  const corrected = schedule.add(asked('corrected', { owner: 'u', prompt: prompt.with(3, 99), count: 1 }));
  expect(schedule.next(at(10)).call).toMatchObject({ kind: 'prefill' });
  expect(corrected.cached).toBe(0);
});

test('what was left behind gives way to sequences, least recently used first, and can be forgotten', () => {
  const schedule = new SequenceSchedule<string>(limits({ blocks: 9 }));
  const prompt = Array.from({ length: 10 }, (_, index) => index + 1);
  for (const owner of ['u', 'v', 'w']) {
    schedule.add(asked(owner, { owner, prompt, count: 1 }));
    runAll(schedule);
  }
  expect(schedule.evictions).toBe(1);
  schedule.forget((owner) => owner === 'v');
  expect(schedule.usedBlocks).toBe(3);
  schedule.expireRetained(Infinity);
  expect(schedule.usedBlocks).toBe(0);
});

test('who is forgotten while under way leaves nothing behind', () => {
  const schedule = new SequenceSchedule<string>(limits());
  schedule.add(asked('u', { owner: 'u', count: 1 }));
  const { call } = schedule.next(at(0));
  schedule.forget((owner) => owner === 'u');
  expect(schedule.advanced(call!.sequences[0]!, [7], 0)).toBe('finished');
  expect(schedule.usedBlocks).toBe(0);
});

test('who cannot be done in time by the fastest tokens leaves at once', () => {
  const schedule = new SequenceSchedule<string>(limits());
  schedule.add(asked('late', { count: 3, deadlineAt: 29 }));
  schedule.add(asked('in time', { count: 3, deadlineAt: 60 }));
  const first = schedule.next(at(0, 10));
  expect(first.expired).toEqual([]);
  for (const sequence of first.call!.sequences) schedule.advanced(sequence, [7], 10);
  expect(schedule.next(at(10, 10)).expired.map(({ asked: { payload } }) => payload)).toEqual(['late']);
});

test('one that made a call fail runs by itself from then on; a second failure is its end', () => {
  const schedule = new SequenceSchedule<string>(limits());
  const [bad, good] = [schedule.add(asked('bad')), schedule.add(asked('good'))];
  for (const sequence of schedule.next(at(0)).call!.sequences) expect(schedule.failed(sequence, 'alone')).toBe('waiting');
  const { call } = schedule.next(at(1));
  expect(call!.sequences).toEqual([bad]);
  expect(schedule.failed(bad, 'never')).toBe('left');
  expect(runAll(schedule).ended).toEqual(['good']);
  expect(good.generated).toHaveLength(3);
});

test('drafts that were right are several tokens at once, and none too many', () => {
  const schedule = new SequenceSchedule<string>(limits({ ahead: 3 }));
  const sequence = schedule.add(asked('a', { count: 4 }));
  schedule.advanced(schedule.next(at(0)).call!.sequences[0]!, [7], 0);
  expect(schedule.advanced(schedule.next(at(1)).call!.sequences[0]!, [8, 9, 10, 11], 1)).toBe('finished');
  expect(sequence.generated).toEqual([7, 8, 9, 10]);
});

test('bulk waits for interactive work, but not for ever', () => {
  const schedule = new SequenceSchedule<string>(limits({ maxBatchSize: 1, bulkEveryMs: 50 }));
  schedule.add(asked('bulk', { lane: 'bulk', count: 1 }));
  const order: string[] = [];
  for (let now = 0; now < 100; now += 10) {
    schedule.add(asked(`i${now}`, { count: 1, enqueuedAt: now }));
    const { call } = schedule.next(at(now));
    order.push(call!.sequences[0]!.asked.payload);
    schedule.advanced(call!.sequences[0]!, [7], now);
  }
  expect(order[0]).toBe('i0');
  expect(order.indexOf('bulk')).toBeGreaterThan(3);
  expect(order.indexOf('bulk')).toBeLessThan(8);
});

test('tiers share by weight whatever comes first', () => {
  const schedule = new SequenceSchedule<string>(limits({ maxBatchSize: 1, tierWeights: { vip: 4, standard: 1 }, fairnessWindowMs: 0.5 }));
  for (let index = 0; index < 100; index += 1) for (const tier of ['standard', 'vip']) schedule.add(asked(tier, { tier, count: 2 }));
  const finished: string[] = [];
  for (let now = 0; finished.length < 100; now += 1) {
    for (const sequence of schedule.next(at(0)).call!.sequences) if (schedule.advanced(sequence, [7], now) === 'finished') finished.push(sequence.asked.payload);
  }
  const vips = finished.filter((tier) => tier === 'vip').length;
  expect(vips).toBeGreaterThanOrEqual(74);
  expect(vips).toBeLessThanOrEqual(86);
});

test('a prompt that can never fit is refused, and so is one of nothing', () => {
  const schedule = new SequenceSchedule<string>(limits({ blocks: 3 }));
  expect(() => schedule.add(asked('long', { prompt: [1, 2, 3, 4, 5, 6], count: 4 }))).toThrow('does not fit');
  expect(() => schedule.add(asked('empty', { prompt: [] }))).toThrow(RangeError);
});

const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant('add' as const), length: fc.integer({ min: 1, max: 14 }), count: fc.integer({ min: 1, max: 9 }), owner: fc.constantFrom(undefined, 'u', 'v'), lane: fc.constantFrom('interactive' as const, 'bulk' as const), givenMs: fc.option(fc.integer({ min: 1, max: 60 })), tier: fc.constantFrom('vip', 'standard') }) },
  { weight: 6, arbitrary: fc.record({ what: fc.constant('run' as const) }) },
  { weight: 6, arbitrary: fc.record({ what: fc.constant('end' as const), which: fc.nat(9), tokens: fc.integer({ min: 1, max: 3 }), fails: fc.integer({ min: 0, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('cancel' as const), which: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 20 }) }) },
);

test('whatever happens: nobody is lost or in two calls, no block has two holders, no call runs past a deadline, and all end', () => {
  fc.assert(fc.property(fc.array(operation, { maxLength: 120 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 8, max: 20 }), (operations, sessions, blocks) => {
    const freed: number[] = [];
    const schedule = new SequenceSchedule<number>(limits({ sessions, blocks, ahead: 2, maxBatchSize: 3 }), (block) => freed.push(block));
    const all: Sequence<number>[] = [];
    const ends = new Map<Sequence<number>, string>();
    const calls: Sequence<number>[][] = [];
    let now = 0;
    const end = (sequence: Sequence<number>, how: string) => {
      expect(ends.has(sequence)).toBe(false);
      expect(sequence.blocks).toEqual([]);
      ends.set(sequence, how);
    };
    const run = () => {
      if (calls.length >= sessions) return false;
      const { expired, call } = schedule.next(at(now));
      for (const sequence of expired) end(sequence, 'expired');
      if (call === undefined) return false;
      const busy = new Set(calls.flat());
      for (const sequence of call.sequences) {
        expect(busy.has(sequence)).toBe(false);
        expect(sequence.asked.deadlineAt ?? Infinity).toBeGreaterThan(now);
        expect(sequence.blocks.length * BLOCK).toBeGreaterThanOrEqual(sequence.tokens.length);
        expect(call.kind === 'step' ? sequence.missing === 1 : sequence.missing > 1).toBe(true);
      }
      calls.push([...call.sequences]);
      return true;
    };
    const finish = (which: number, tokens: number, fails: boolean) => {
      const [call = []] = calls.length === 0 ? [] : calls.splice(which % calls.length, 1);
      for (const sequence of call) {
        const ended = fails ? schedule.failed(sequence, sequence.alone ? 'never' : 'alone') : schedule.advanced(sequence, Array.from({ length: sequence.missing > 1 ? 1 : tokens }, () => 5), now);
        if (ended !== 'ready' && ended !== 'waiting') end(sequence, ended);
      }
    };
    const check = () => {
      const held = all.flatMap((sequence) => sequence.blocks);
      expect(new Set(held).size).toBe(held.length);
      expect(held).not.toContain(0);
      expect(held.length).toBeLessThanOrEqual(schedule.usedBlocks);
      expect(schedule.usedBlocks).toBeLessThanOrEqual(blocks - 1);
      expect(schedule.waiting + schedule.underWay).toBe(all.length - ends.size);
    };
    for (const one of operations) {
      if (one.what === 'add') {
        const prompt = Array.from({ length: one.length }, (_, index) => index + 1);
        const [payload, deadlineAt] = [all.length, one.givenMs === null ? null : now + one.givenMs];
        all.push(schedule.add({ payload, prompt, count: one.count, owner: one.owner, lane: one.lane, tier: one.tier, deadlineAt, enqueuedAt: now }));
      } else if (one.what === 'run') run();
      else if (one.what === 'end') finish(one.which, one.tokens, one.fails === 0);
      else if (one.what === 'wait') now += one.ms;
      else {
        const sequence = all[one.which];
        if (sequence !== undefined && schedule.cancel(sequence)) end(sequence, 'cancelled');
      }
      check();
    }
    // Without further arrivals everybody is answered within the calls that their tokens need, some of them computed again.
    let turns = 0;
    for (; schedule.waiting + schedule.underWay > 0 && turns < 5_000; turns += 1) {
      if (!run()) finish(0, 1, false);
      check();
    }
    expect(turns).toBeLessThan(5_000);
    expect(ends.size).toBe(all.length);
    schedule.expireRetained(Infinity);
    expect(schedule.usedBlocks).toBe(0);
    for (const [sequence, how] of ends) if (how === 'finished') expect(sequence.generated).toHaveLength(sequence.asked.count);
  }), { numRuns: 300 });
});
