import fc from 'fast-check';
import { expect, test } from 'vitest';
import { check } from './checker.ts';
import type { Evidence, SeenResponse, ViolationKind } from './check-types.ts';

const BOUND_MS = 1_000;
const DEADLINE_MS = 5_000;
const NONE = { lost: 0, doubled: 0, outOfOrder: 0, late: 0, wrong: 0 };

/** A run in which everything is right: user after user in turn, answers in the order of the requests. */
function faultless(requests: number, users = 3): Evidence {
  const ids = Array.from({ length: requests }, (_, index) => index);
  const userOf = (index: number) => `u${index % users}`;
  return {
    sent: ids.map((index) => ({
      requestId: `r${index}`, workload: 'w', userId: userOf(index), lane: 'interactive', deadlineMs: DEADLINE_MS, ordered: true, limit: 2, candidates: [`${index}`, 'any'],
    })),
    appended: ids.map((index) => ({ requestId: `r${index}`, source: `requests/0/${index}`, appendedAt: index, offset: index })),
    responses: ids.map((index) => ({
      requestId: `r${index}`, workload: 'w', userId: userOf(index), status: 'complete', final: true, source: `requests/0/${index}`,
      headerRequestId: `r${index}`, partition: 0, offset: index, appendedAt: index + 20, items: [`${index}`],
    })),
    deadLetters: [],
  };
}

const report = (evidence: Evidence) => check(evidence, { lateBoundMs: BOUND_MS });
const withResponses = (evidence: Evidence, change: (responses: SeenResponse[]) => SeenResponse[]): Evidence =>
  ({ ...evidence, responses: change([...evidence.responses]) });
const replaced = (evidence: Evidence, at: number, over: Partial<SeenResponse>): Evidence =>
  withResponses(evidence, (all) => all.with(at, { ...all[at]!, ...over }));

/** Whose requests ask for provisional answers. */
const asking = (evidence: Evidence): Evidence => ({ ...evidence, sent: evidence.sent.map((request) => ({ ...request, provisional: true })) });
/** With a provisional answer just before a final one. */
const provisionally = (evidence: Evidence, at: number, over: Partial<SeenResponse>): Evidence =>
  withResponses(evidence, (all) => [...all, { ...all[at]!, offset: all[at]!.offset - 0.5, final: false, status: 'provisional', marked: true, ...over }]);

/** A size of a run and a place in it. */
const place = fc.integer({ min: 1, max: 60 }).chain((size) => fc.record({ size: fc.constant(size), at: fc.nat(size - 1) }));

/** Each fault that the checker is for: planted once, it is counted once, and nothing else is. */
const planted: Record<string, { kind: ViolationKind; cause: string; plant: (evidence: Evidence, at: number) => Evidence }> = {
  'a dropped response': { kind: 'lost', cause: 'no trace', plant: (run, at) => withResponses(run, (all) => all.toSpliced(at, 1)) },
  'a provisional response alone': { kind: 'lost', cause: 'no trace', plant: (run, at) => replaced(asking(run), at, { final: false, status: 'provisional' }) },
  'a provisional response that nobody asked for': { kind: 'wrong', cause: 'provisional, and not asked for', plant: (run, at) => provisionally(run, at, {}) },
  'a provisional response behind the final one': { kind: 'doubled', cause: 'provisional after the final one', plant: (run, at) => provisionally(asking(run), at, { offset: 1_000 }) },
  'a provisional response without its mark': { kind: 'wrong', cause: 'not marked as what it is', plant: (run, at) => provisionally(asking(run), at, { marked: false }) },
  'a provisional response that calls itself complete': { kind: 'wrong', cause: 'not marked as what it is', plant: (run, at) => provisionally(asking(run), at, { status: 'complete' }) },
  'a final response with the mark of a provisional one': { kind: 'wrong', cause: 'not marked as what it is', plant: (run, at) => replaced(run, at, { marked: true }) },
  'another request’s items in a provisional response': { kind: 'wrong', cause: 'items of another request', plant: (run, at) => provisionally(asking(run), at, { items: ['999'] }) },
  'a doubled response': {
    kind: 'doubled', cause: 'answered again', plant: (run, at) => withResponses(run, (all) => [...all, { ...all[at]!, offset: 1_000, appendedAt: 1_000 }]),
  },
  'a late response': { kind: 'late', cause: 'complete', plant: (run, at) => replaced(run, at, { appendedAt: at + DEADLINE_MS + BOUND_MS + 1 }) },
  'another user’s name on it': { kind: 'wrong', cause: 'another user', plant: (run, at) => replaced(run, at, { userId: 'somebody' }) },
  'another workload': { kind: 'wrong', cause: 'another workload', plant: (run, at) => replaced(run, at, { workload: 'v' }) },
  'another request’s header': { kind: 'wrong', cause: 'header names another request', plant: (run, at) => replaced(run, at, { headerRequestId: 'r999' }) },
  'another position’s header': { kind: 'wrong', cause: 'header names another position', plant: (run, at) => replaced(run, at, { source: 'requests/0/999' }) },
  'another request’s items': { kind: 'wrong', cause: 'items of another request', plant: (run, at) => replaced(run, at, { items: ['999'] }) },
  'too many items': { kind: 'wrong', cause: 'more items than asked for', plant: (run, at) => replaced(run, at, { items: ['any', 'any', 'any'] }) },
  'an answer that nobody asked for': {
    kind: 'wrong', cause: 'nobody asked', plant: (run, at) => withResponses(run, (all) => [...all, { ...all[at]!, requestId: 'x', offset: 1_000 }]),
  },
  'a request that the broker forgot': {
    kind: 'lost', cause: 'acknowledged, not in the log',
    plant: (run, at) => withResponses({ ...run, appended: run.appended.toSpliced(at, 1) }, (all) => all.toSpliced(at, 1)),
  },
};

test('a faultless run of any size has no violations', () => {
  fc.assert(fc.property(fc.nat(60), fc.integer({ min: 1, max: 5 }), (size, users) => {
    const { counts, requests, answered, answers } = report(faultless(size, users));
    expect(counts).toEqual(NONE);
    expect({ requests, answered, answers }).toEqual({ requests: size, answered: size, answers: size === 0 ? {} : { complete: size } });
  }));
});

test('a provisional answer before the final one of a request that asked is no violation, however often it comes, and is counted', () => {
  const run = provisionally(provisionally(asking(faultless(3)), 1, {}), 1, {});
  expect(report(run)).toMatchObject({ counts: NONE, provisional: 1, answered: 3 });
});

test.each(Object.entries(planted))('finds %s, wherever it is, and nothing else', (_, { kind, cause, plant }) => {
  fc.assert(fc.property(place, ({ size, at }) => {
    const { counts, causes, violations } = report(plant(faultless(size), at));
    expect(counts).toEqual({ ...NONE, [kind]: 1 });
    expect(causes[kind]).toEqual({ [cause]: 1 });
    expect(violations).toHaveLength(1);
  }));
});

test('finds a swapped pair of one user, wherever it is', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 2, max: 40 }), fc.nat(), (users, perUser, seed) => {
    const first = seed % (users * (perUser - 1));
    const evidence = faultless(users * perUser, users);
    const second = first + users;
    const swapped = withResponses(evidence, (all) =>
      all.with(first, { ...all[first]!, offset: all[second]!.offset }).with(second, { ...all[second]!, offset: all[first]!.offset }));
    expect(report(swapped).counts).toEqual({ ...NONE, outOfOrder: 1 });
  }));
});

test('finds an ordered user’s response in another partition', () => {
  expect(report(replaced(faultless(6, 1), 5, { partition: 1 })).causes.outOfOrder).toEqual({ 'in another partition': 1 });
});

test('no order is asked of users who were promised none, and of different users', () => {
  const free = faultless(6, 1);
  const unpromised = { ...free, sent: free.sent.map((request) => ({ ...request, ordered: false })) };
  expect(report(replaced(unpromised, 5, { offset: -1 })).counts).toEqual(NONE);
  expect(report(replaced(faultless(6, 6), 5, { offset: -1 })).counts).toEqual(NONE);
});

test('what was rejected, or forced out by its deadline, may overtake and be overtaken', () => {
  const overtaking = { offset: -1 };
  expect(report(replaced(faultless(6, 1), 5, { ...overtaking, status: 'rejected' })).counts).toEqual(NONE);
  expect(report(replaced(faultless(6, 1), 5, { ...overtaking, appendedAt: 5 + DEADLINE_MS })).counts).toEqual(NONE);
  expect(report(replaced(faultless(6, 1), 0, { offset: 900, appendedAt: DEADLINE_MS + 500 })).counts).toEqual(NONE);
});

test('several faults at once are each counted, under their causes', () => {
  fc.assert(fc.property(fc.integer({ min: 4, max: 40 }), fc.nat(), (size, seed) => {
    const run = { ...faultless(size), sent: faultless(size).sent.map((request) => ({ ...request, ordered: false })) };
    const at = seed % (size - 3);
    const bad = withResponses(run, (all) => [
      ...all.with(at, { ...all[at]!, userId: 'x' }).with(at + 1, { ...all[at + 1]!, appendedAt: 1e6 }).toSpliced(at + 2, 1),
      { ...all[at + 3]!, offset: 500, appendedAt: 500 },
    ]);
    expect(report(bad).counts).toEqual({ lost: 1, doubled: 1, outOfOrder: 0, late: 1, wrong: 1 });
  }));
});

test('says which dead letter a lost request ended in, however often that was written', () => {
  const run = withResponses(faultless(3), (all) => all.toSpliced(1, 1));
  const letter = { requestId: 'r1', stage: 'worker', code: 'internal', source: 'work/0/7' };
  const { causes, deadLetters } = report({ ...run, deadLetters: [letter, letter] });
  expect(causes.lost).toEqual({ 'dead letter: worker/internal': 1 });
  expect(deadLetters).toEqual({ 'worker/internal': 1 });
});

test('a repeated request id is one request: one response, deadline from its first position', () => {
  const run = faultless(2);
  const repeated = { ...run, appended: [...run.appended, { requestId: 'r0', source: 'requests/0/7', appendedAt: 9_000, offset: 7 }] };
  expect(report(repeated).counts).toEqual(NONE);
  const answeredTwice = withResponses(repeated, (all) => [...all, { ...all[0]!, offset: 9, appendedAt: 9_100, source: 'requests/0/7' }]);
  expect(report(answeredTwice).causes.doubled).toEqual({ 'answered for two positions': 1 });
});

test('a response within the bound after its deadline is counted, and is no violation', () => {
  const { counts, afterDeadline, worstLatenessMs } = report(replaced(faultless(3), 1, { appendedAt: 1 + DEADLINE_MS + BOUND_MS }));
  expect(counts).toEqual(NONE);
  expect({ afterDeadline, worstLatenessMs }).toEqual({ afterDeadline: 1, worstLatenessMs: BOUND_MS });
});

test('requests without a deadline are never late', () => {
  const run = faultless(2);
  const patient = { ...run, sent: run.sent.map((request) => ({ ...request, deadlineMs: null })) };
  expect(report(replaced(patient, 1, { appendedAt: 1e9 })).counts).toEqual(NONE);
});
