import fc from 'fast-check';
import { expect, test } from 'vitest';
import { armOf, shadowsOf } from './arms.ts';
import { promoted, reweighted, rolledBack, stopped } from './changes.ts';
import { definition, running } from './testing.ts';
import { unitHash } from './unit-hash.ts';

const change = { by: 'me', time: 2_000, why: 'because' };
const users = Array.from({ length: 20_000 }, (_, index) => `user-${index}`);
const shareOf = (arm: string, control = running()) => users.filter((user) => armOf(control, user)?.name === arm).length / users.length;

test('a user is always in the same arm, whoever asks', () => {
  fc.assert(fc.property(fc.string(), (user) => {
    expect(armOf(running(), user)?.name).toBe(armOf(running(), user)?.name);
  }));
});

test('arms get the share of the users that their weights say', () => {
  expect(shareOf('b')).toBeCloseTo(0.1, 2);
  expect(shareOf('b', reweighted(running(), { a: 1, b: 1 }, change))).toBeCloseTo(0.5, 1);
  expect(shareOf('b', reweighted(running(), { b: 0 }, change))).toBe(0);
});

test('a change of one arm’s weight moves users to it or from it, and nobody between the others', () => {
  const arms = ['a', 'b', 'c'].map((name) => ({ name, weight: 10, precision: name === 'a' ? 'fp32' : 'int8' }));
  const [before, after] = [running({ arms }), reweighted(running({ arms }), { c: 25 }, change)];
  for (const user of users) {
    const now = armOf(after, user)?.name;
    if (now !== 'c') expect(now).toBe(armOf(before, user)?.name);
  }
});

test('the arms of two experiments are independent', () => {
  const half = [{ name: 'a', weight: 1 }, { name: 'b', weight: 1 }];
  const [one, other] = [running({ arms: half }), running({ name: 'other', arms: half })];
  const both = users.filter((user) => armOf(one, user)?.name === 'b' && armOf(other, user)?.name === 'b').length;
  expect(both / users.length).toBeCloseTo(0.25, 1);
});

test('promoted all users are in the winner, rolled back in control, stopped in none', () => {
  expect(shareOf('b', promoted(running(), 'b', change))).toBe(1);
  const back = rolledBack(running(), 'b', change);
  expect([back.state, shareOf('a', back)]).toEqual(['rolled_back', 1]);
  expect(armOf(stopped(running(), change), 'u')).toBeUndefined();
});

test('one of several arms that is rolled back leaves its users to the others', () => {
  const arms = ['a', 'b', 'c'].map((name) => ({ name, weight: 10 }));
  const control = rolledBack(running({ arms }), 'c', change);
  expect([control.state, shareOf('c', control)]).toEqual(['running', 0]);
  expect(shareOf('b', control)).toBeCloseTo(0.5, 1);
});

test('so many users are mirrored as the weight of the shadow says, independently of their arm', () => {
  const control = running({ arms: [...definition().arms, { name: 's', model: 'small', shadow: true, weight: 0.2 }] });
  const mirrored = users.filter((user) => shadowsOf(control, user).length === 1);
  expect(mirrored.length / users.length).toBeCloseTo(0.2, 1);
  expect(mirrored.filter((user) => armOf(control, user)?.name === 'b').length / mirrored.length).toBeCloseTo(0.1, 1);
});

test('what is hashed together is not what is hashed apart', () => {
  expect(unitHash('ab', 'c')).not.toBe(unitHash('a', 'bc'));
});
