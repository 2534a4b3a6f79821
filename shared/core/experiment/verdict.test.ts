import type { ArmCounts } from '@tandem/schemas';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '../../random/index.ts';
import { noCounts, since, sumOf } from './arm-counts.ts';
import { answerOfArm, agreement } from './answer-of-arm.ts';
import { applied } from './changes.ts';
import { ExperimentTallies } from './experiment-tally.ts';
import { guardServing } from './guards.ts';
import { bucketOf, latencyAt, noLatencies, slowerThan } from './latency-buckets.ts';
import { ReportBook, reportKey } from './report-book.ts';
import { summaryOf } from './summary.ts';
import { definition, running } from './testing.ts';
import { actionFor } from './verdict.ts';

const { guards } = definition();

function counts(answers: number, latencyMs: number, over: Partial<ArmCounts> = {}): ArmCounts {
  const latency = noLatencies();
  latency[bucketOf(latencyMs)] = answers;
  return { ...noCounts(), answers, latency, ...over };
}

/** Of so many users, each judged once. */
const judged = (users: number, hits: number): ArmCounts => ({ ...noCounts(), users, judged: users, hits, judgedSquared: users, hitsSquared: hits, judgedHits: hits });
const start = { a: noCounts(), b: noCounts() };

test.each([
  ['fails', counts(300, 10, { bad: 30 }), counts(3_000, 10), /10\.0 % of 300 answers failed/],
  ['is slow', counts(300, 60), counts(3_000, 10), /p95 is \d+ ms over 300 answers, control \d+ ms/],
  ['is late', counts(300, 10, { yielded: 250 }), counts(3_000, 10), /83\.3 % of 300 answers came from another variant/],
])('an arm that %s is rolled back, by its share of the answers', (_what, b, a, why) => {
  const action = actionFor(running(), { a, b }, start);
  expect(action).toMatchObject({ kind: 'roll_back', arm: 'b', why: expect.stringMatching(why) });
  expect(applied(running(), action!, { by: 'scheduler', time: 5 })).toMatchObject({ state: 'rolled_back', weights: { b: 0 }, out: { b: expect.stringMatching(why) }, revision: 2 });
});

test.each([
  ['too few answers', counts(50, 10, { bad: 50 }), counts(3_000, 10)],
  ['what everybody suffers from', counts(300, 60, { bad: 60, yielded: 200 }), counts(3_000, 60, { bad: 600, yielded: 2_000 })],
  ['a few milliseconds', counts(300, 4), counts(3_000, 2)],
  ['bad luck', counts(300, 10, { bad: 9 }), counts(3_000, 10, { bad: 30 })],
])('%s is no reason to roll an arm back', (_what, b, a) => {
  expect(actionFor(running(), { a, b }, start)).toBeUndefined();
});

test('an absolute bound counts without control', () => {
  expect(guardServing(counts(300, 60), noCounts(), { ...guards, p95Ms: 50 })).toMatch(/50 ms are allowed/);
  expect(guardServing(counts(300, 60), noCounts(), guards)).toBeUndefined();
});

test('guard rails look at the window: what was bad before it is past', () => {
  const before = { a: counts(1_000, 10), b: counts(1_000, 10, { bad: 500 }) };
  expect(actionFor(running(), { a: counts(2_000, 10), b: counts(2_000, 10, { bad: 500 }) }, before)).toBeUndefined();
});

test('of arms that are alike guard rails take back next to none, though they look all the time', () => {
  const random = seededRandom(5, 'answers');
  let wrong = 0;
  for (let run = 0; run < 400; run += 1) {
    const [a, b] = [noCounts(), noCounts()];
    for (let answer = 0; answer < 3_000; answer += 1) {
      const arm = random() < 0.1 ? b : a;
      arm.answers += 1;
      arm.bad += random() < 0.01 ? 1 : 0;
      arm.latency[bucketOf(10 * Math.exp(1.5 * (random() + random() - 1)))]! += 1;
      if (answer % 100 !== 0 || guardServing(b, a, guards) === undefined) continue;
      wrong += 1;
      break;
    }
  }
  expect(wrong / 400).toBeLessThan(0.01);
});

test('an arm that is better wins, one that is worse goes back, each once enough users are known', () => {
  expect(actionFor(running(), { a: judged(5_000, 1_500), b: judged(5_000, 2_500) }, start)).toMatchObject({ kind: 'promote', arm: 'b', why: expect.stringMatching(/HR@10 \+0\.2000/) });
  expect(actionFor(running(), { a: judged(5_000, 2_500), b: judged(5_000, 1_500) }, start)).toMatchObject({ kind: 'roll_back', arm: 'b' });
  expect(actionFor(running(), { a: judged(100, 30), b: judged(100, 90) }, start)).toBeUndefined();
});

test('an arm that only has not to be worse wins with less, and waits for an operator where it is to', () => {
  const alike = { a: judged(40_000, 14_000), b: judged(40_000, 14_000) };
  expect(actionFor(running(), alike, start)).toBeUndefined();
  expect(actionFor(running({ goal: 'not_worse', margin: 0.03 }), alike, start)).toMatchObject({ kind: 'promote', arm: 'b' });
  expect(actionFor(running({ goal: 'not_worse', margin: 0.03, whenWon: 'wait' }), alike, start)).toBeUndefined();
});

test('an experiment that shows nothing ends', () => {
  const action = actionFor(running({ endAfterJudged: 1_000 }), { a: judged(600, 200), b: judged(600, 200) }, start);
  expect(action).toMatchObject({ kind: 'end' });
  expect(applied(running(), action!, { by: 's', time: 1 })).toMatchObject({ state: 'rolled_back', out: {} });
});

test('quantiles of latency are never too low, and what is slower is certainly so', () => {
  fc.assert(fc.property(fc.array(fc.double({ min: 0.01, max: 100_000, noNaN: true }), { minLength: 1, maxLength: 50 }), fc.double({ min: 0.01, max: 100_000, noNaN: true }), (times, bound) => {
    const latency = noLatencies();
    for (const ms of times) latency[bucketOf(ms)]! += 1;
    const sorted = times.toSorted((x, y) => x - y);
    expect(latencyAt(latency, 0.95)).toBeGreaterThanOrEqual(sorted[Math.ceil(0.95 * sorted.length) - 1]!);
    expect(slowerThan(latency, bound)).toBeLessThanOrEqual(times.filter((ms) => ms >= bound).length);
  }));
});

test('reports of several processes are added up; those of an earlier start, and other records, are not', () => {
  const book = new ReportBook();
  const control = running();
  for (const [source, hit] of [['f-1/0', true], ['f-2/0', false]] as const) {
    const tallies = new ExperimentTallies();
    tallies.of(control).judged('b', 'u', hit);
    tallies.of(control).answered('b', { latencyMs: 3, isBad: false, hasYielded: false });
    for (const report of tallies.reports(source, 1)) book.heard(reportKey(report), Buffer.from(JSON.stringify(report)));
  }
  book.heard('experiment/split/old', Buffer.from(JSON.stringify({ kind: 'experiment', experiment: 'split', startedAt: 1, arms: { b: counts(9, 9) } })));
  for (const foreign of ['', 'null', '{}', 'no json']) book.heard('experiment/split/x', Buffer.from(foreign));
  book.heard('worker-1', Buffer.from('{"kind":"worker"}'));
  expect(book.countsOf(control)['b']).toMatchObject({ answers: 2, judged: 2, hits: 1, users: 2 });
  expect(summaryOf(control, book.countsOf(control)).arms.map(({ name, role, share, judged: of }) => [name, role, share, of])).toEqual([['a', 'control', 0.9, 0], ['b', 'treatment', 0.1, 2]]);
});

test('counts are added and taken from one another', () => {
  const some = counts(5, 3, { bad: 2, judged: 4 });
  expect(since(sumOf([some, some]), some)).toEqual(some);
});

const step = { step: 's', model: 'm', precision: 'p', version: '1', batchSize: 1, queueMs: 0, computeMs: 1, reason: '' };
const arm = { experiment: 'split', arm: 'b' };

test.each([
  ['complete', undefined, undefined, { isBad: false, hasYielded: false }],
  ['complete', undefined, 'late', { isBad: false, hasYielded: true }],
  ['complete', undefined, 'failed', { isBad: true, hasYielded: false }],
  ['degraded', 'deadline', undefined, { isBad: true }],
  ['complete', 'unknown_user', undefined, { isBad: false }],
  ['failed', 'step_failed', undefined, { isBad: true }],
  ['rejected', 'overload', undefined, { isBad: true }],
  ['rejected', 'cancelled', undefined, undefined],
] as const)('an answer that is %s (%s), its step run instead since %s', (status, reason, instead, expected) => {
  const experiment = { name: 'split', arm: 'b', ...(instead === undefined ? {} : { instead }) };
  const answer = answerOfArm({ status, latencyMs: 5, steps: [{ ...step, experiment }], ...(reason === undefined ? {} : { reason }) }, arm);
  if (expected === undefined) expect(answer).toBeUndefined();
  else expect(answer).toMatchObject(expected);
});

test('a copy agrees as far as it found what the answer found', () => {
  const completed = (items: number[]) => ({ kind: 'completed' as const, run: step, result: { items, scores: items } });
  expect(agreement({ step: 's', previous: { s: completed([1, 2, 3, 4]) }, end: completed([4, 3, 9, 8]) })).toBe(0.5);
  const label = (labels: string[]) => ({ kind: 'completed' as const, run: step, result: { labels, probabilities: [0.1, 0.9] } });
  expect(agreement({ step: 's', previous: { s: label(['x', 'y']) }, end: label(['x', 'y']) })).toBe(1);
  expect(agreement({ step: 's', previous: {}, end: completed([1]) })).toBeUndefined();
});
