import { expect, test } from 'vitest';
import { leads, situations, type PolicyFigures } from './compare-policies.ts';

const EQUAL: PolicyFigures = { goodputPerSecond: 100, missShare: 0.1, meanAccuracy: 0.98, sessionSecondsPer1000: 2 };

/** Of `one`, against a policy with the figures above. */
function verdict(one: Partial<PolicyFigures>): { leads: boolean; why: string } {
  const row = (policy: string, simulated: PolicyFigures) => ({ situation: 'steady', policy, offeredPerSecond: 110, simulated, real: undefined });
  const [found] = leads([row('one', { ...EQUAL, ...one }), row('other', EQUAL)], 'one', 'other', ({ simulated }) => simulated);
  return found!;
}

test('a policy leads by goodput, or as good with fewer misses or no less accuracy', () => {
  expect(verdict({}).leads).toBe(true);
  expect(verdict({ goodputPerSecond: 103, meanAccuracy: 0.97 }).leads).toBe(true);
  expect(verdict({ missShare: 0.08, meanAccuracy: 0.97 }).leads).toBe(true);
  expect(verdict({ meanAccuracy: 0.97 }).leads).toBe(false);
  expect(verdict({ goodputPerSecond: 97 }).leads).toBe(false);
});

test('one that misses more does not lead, whatever else is better', () => {
  expect(verdict({ goodputPerSecond: 110, meanAccuracy: 0.99, missShare: 0.12 }).leads).toBe(false);
});

test('the verdict says what it rests on, session time too', () => {
  expect(verdict({ sessionSecondsPer1000: 1.5 }).why).toContain('misses 10.0 → 10.0 %, accuracy 0.9800 → 0.9800, session time 2.00 → 1.50 s per 1,000');
});

test('a situation that only one of them was in has no verdict', () => {
  expect(leads([{ situation: 'steady', policy: 'one', offeredPerSecond: 1, simulated: EQUAL, real: undefined }], 'one', 'other', ({ simulated }) => simulated)).toEqual([]);
});

test('requests of a situation come at the same times whoever serves them', () => {
  for (const { arrivals } of situations(100, 1)) {
    const [one, other] = [arrivals(), arrivals()];
    expect(Array.from({ length: 20 }, () => one.next())).toEqual(Array.from({ length: 20 }, () => other.next()));
  }
});
