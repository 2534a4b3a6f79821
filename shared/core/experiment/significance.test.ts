import { expect, test } from 'vitest';
import { seededRandom } from '../../random/index.ts';
import { ExperimentTally } from './experiment-tally.ts';
import { differenceInterval, hitRateInterval } from './significance.ts';

const OPTIONS = { alpha: 0.05, effect: 0.02 };
const MINIMUM_USERS = 200;

interface Run {
  random: () => number;
  answers: number;
  /** Of the users in each arm. */
  users: number;
  /** How much more likely a hit is in the second arm. */
  effect?: number;
}

/** Users differ in how predictable they are, and some ask far more often than others, so that answers are not independent. */
function firstDecision({ random, answers, users, effect = 0 }: Run): 'won' | 'lost' | undefined {
  const tally = new ExperimentTally();
  for (let answer = 0; answer < answers; answer += 1) {
    const arm = random() < 0.5 ? 'a' : 'b';
    const user = Math.floor(users * random() ** 2);
    const rate = 0.1 + 0.5 * ((user * 0.618_033_99) % 1) + (arm === 'b' ? effect : 0);
    tally.judged(arm, `${arm}${user}`, random() < rate);
    const { a, b } = answer % 20 === 0 ? tally.arms : { a: undefined, b: undefined };
    if (a === undefined || b === undefined || Math.min(a.users, b.users) < MINIMUM_USERS) continue;
    const { lower, upper } = differenceInterval(b, a, OPTIONS);
    if (lower > 0) return 'won';
    if (upper < 0) return 'lost';
  }
  return undefined;
}

test('of thousands of experiments without a difference, looked at all the time, fewer than alpha end in a decision', () => {
  const random = seededRandom(42, 'users');
  const runs = 2_000;
  const wrong = Array.from({ length: runs }, () => firstDecision({ random, answers: 2_400, users: 400 })).filter((decision) => decision !== undefined).length;
  expect(wrong / runs).toBeLessThan(OPTIONS.alpha);
}, 120_000);

test('a difference that there is is found, and on its right side', () => {
  const random = seededRandom(7, 'users');
  const decisions = Array.from({ length: 20 }, () => firstDecision({ random, answers: 12_000, users: 4_000, effect: 0.1 }));
  expect(decisions.filter((decision) => decision === 'won').length).toBeGreaterThan(17);
  expect(decisions).not.toContain('lost');
}, 120_000);

test('answers of few users say less than those of many', () => {
  const [few, many] = [new ExperimentTally(), new ExperimentTally()];
  const random = seededRandom(3, 'users');
  for (let answer = 0; answer < 2_000; answer += 1) {
    const user = answer % 20;
    few.judged('a', String(user), random() < (user < 10 ? 0.1 : 0.7));
    many.judged('a', String(answer), random() < 0.4);
  }
  const width = (tally: ExperimentTally) => {
    const { lower, upper } = hitRateInterval(tally.arms['a']!);
    return upper - lower;
  };
  expect(width(few)).toBeGreaterThan(3 * width(many));
});

test('nothing is certain of an arm without answers', () => {
  const tally = new ExperimentTally();
  tally.judged('a', 'u', true);
  const { a } = tally.arms;
  expect(differenceInterval(a!, a!, OPTIONS)).toMatchObject({ lower: -1, upper: 1 });
});
