import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FirstActs } from './first-acts.ts';

function judging({ users = 100, withinMs = 1_000 } = {}) {
  const judged: [string, boolean][] = [];
  return { judged, acts: new FirstActs<string>({ users, withinMs, onJudged: (label, isHit) => void judged.push([label, isHit]) }) };
}

test('an answer is judged by what its user did first after asking', () => {
  const { acts, judged } = judging();
  acts.acted('u', 'before', 5);
  acts.answered('u', { items: ['before', 'next'], askedAt: 10, label: 'small' });
  acts.acted('another', 'next', 11);
  expect(judged).toEqual([]);
  acts.acted('u', 'next', 12);
  acts.acted('u', 'later', 13);
  expect(judged).toEqual([['small', true]]);
});

test('also when the act is read before the answer that had to predict it', () => {
  const { acts, judged } = judging();
  acts.acted('u', '7', 101);
  acts.acted('u', '8', 150);
  acts.answered('u', { items: ['7'], askedAt: 100, label: 'a' });
  acts.answered('u', { items: ['7'], askedAt: 130, label: 'b' });
  expect(judged).toEqual([['a', true], ['b', false]]);
});

test('an act long after the request judges nothing', () => {
  const { acts, judged } = judging();
  acts.answered('u', { items: ['7'], askedAt: 0, label: 'a' });
  acts.acted('u', '7', 1_001);
  acts.acted('u', '7', 1_002);
  expect(judged).toEqual([]);
});

test('users who were not seen for long are forgotten', () => {
  const { acts, judged } = judging({ users: 2 });
  for (const user of ['a', 'b', 'c']) acts.answered(user, { items: ['7'], askedAt: 0, label: user });
  for (const user of ['a', 'c']) acts.acted(user, '7', 1);
  expect(judged).toEqual([['c', true]]);
});

test('each answer is judged at most once, in whatever order things are read', () => {
  const event = fc.record({ user: fc.constantFrom('a', 'b'), isAct: fc.boolean(), at: fc.nat(50) });
  fc.assert(fc.property(fc.array(event, { maxLength: 60 }), (events) => {
    const { acts, judged } = judging();
    for (const [index, { user, isAct, at }] of events.entries()) {
      if (isAct) acts.acted(user, '1', at);
      else acts.answered(user, { items: ['1'], askedAt: at, label: String(index) });
    }
    expect(new Set(judged.map(([label]) => label)).size).toBe(judged.length);
  }));
});
