import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { WorkloadRule } from '@tandem/schemas';
import { applyRules, type RuleEvidence } from './rules.ts';
import { isTimeZone, timeOfDay } from './time-of-day.ts';

const at = (text: string) => Date.parse(text);
const evidence: RuleEvidence = { at: at('2026-11-21T19:30:00Z'), lane: 'interactive', tier: 'standard', givenMs: 100, activity: 0.5, bytes: 2_000, length: 40 };
const rule = (when: WorkloadRule['when'], set: WorkloadRule['set'] = { task: 'coarse' }): WorkloadRule => ({ name: 'rule', when, set });
const holds = (when: WorkloadRule['when'], over: Partial<RuleEvidence> = {}, timeZone = 'UTC') =>
  applyRules({ rules: [rule(when)], timeZone }, { ...evidence, ...over }).task === 'coarse';

test('at the peak requests are lighter', () => {
  expect(holds({ from: '18:00', until: '22:00' })).toBe(true);
  expect(holds({ from: '18:00', until: '19:30' })).toBe(false);
  expect(holds({ from: '19:30', until: '19:31' })).toBe(true);
  expect(holds({ from: '22:00', until: '20:00' })).toBe(true);
  expect(holds({ from: '22:00', until: '06:00' })).toBe(false);
  expect(holds({ days: ['sat', 'sun'] })).toBe(true);
  expect(holds({ days: ['mon'] })).toBe(false);
});

test('times of day are those of the workload’s zone, summer time included', () => {
  expect(holds({ from: '20:00', until: '21:00' }, {}, 'Europe/Berlin')).toBe(true);
  expect(timeOfDay(at('2026-07-01T22:30:00Z'), 'Europe/Berlin')).toEqual({ minutes: 30, day: 'thu' });
  expect(timeOfDay(at('2026-01-01T03:15:00Z'), 'America/New_York')).toEqual({ minutes: 22 * 60 + 15, day: 'wed' });
  expect(timeOfDay(at('2026-03-29T00:59:00Z'), 'Europe/Berlin').minutes).toBe(60 + 59);
  expect(timeOfDay(at('2026-03-29T01:00:00Z'), 'Europe/Berlin').minutes).toBe(180);
  expect([isTimeZone('Asia/Kathmandu'), isTimeZone('Mars/Base')]).toEqual([true, false]);
});

test.each<[WorkloadRule['when'], Partial<RuleEvidence>]>([
  [{ deadlineBelowMs: 101 }, { givenMs: 101 }], [{ deadlineBelowMs: 1_000 }, { givenMs: null }], [{ activityBelow: 0.6 }, { activity: 0.6 }],
  [{ activityAbove: 0.4 }, { activity: 0.4 }], [{ payloadAboveBytes: 1_999 }, { bytes: 1_999 }], [{ lengthAbove: 39 }, { length: 39 }],
  [{ lengthBelow: 41 }, { length: undefined }], [{ lane: 'interactive' }, { lane: 'bulk' }], [{ tiers: ['standard', 'free'] }, { tier: 'vip' }],
])('%j holds, unless %j', (when, unless) => {
  expect(holds(when)).toBe(true);
  expect(holds(when, unless)).toBe(false);
});

test('for each thing that is set the first rule that holds decides', () => {
  const rules = [rule({ lane: 'bulk' }, { tier: 'free' }), rule({}, { task: 'coarse' }), rule({}, { task: 'full', accuracyFloor: 0.9 })];
  expect(applyRules({ rules, timeZone: 'UTC' }, evidence)).toEqual({ task: 'coarse', accuracyFloor: 0.9 });
  expect(applyRules({ timeZone: 'UTC' }, evidence)).toEqual({});
});

test('a clock on the wall goes on with time', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 4e12 }), (time) => {
    const [now, later] = [timeOfDay(time, 'UTC'), timeOfDay(time + 60_000, 'UTC')];
    expect(later.minutes).toBe((now.minutes + 1) % 1_440);
    expect(now.minutes).toBe(new Date(time).getUTCHours() * 60 + new Date(time).getUTCMinutes());
    expect(now.day).toBe(['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'][new Date(time).getUTCDay()]);
  }));
});

test('by the complexity of the input a rule can name the precision', () => {
  const rules = [rule({ lengthBelow: 10 }, { precision: 'int8' }), rule({ lengthAbove: 200 }, { precision: 'fp32', accuracyFloor: 0.99 })];
  const of = (length: number | undefined) => applyRules({ rules, timeZone: 'UTC' }, { ...evidence, length });
  expect([of(5), of(40), of(300), of(undefined)]).toEqual([{ precision: 'int8' }, {}, { precision: 'fp32', accuracyFloor: 0.99 }, {}]);
});
