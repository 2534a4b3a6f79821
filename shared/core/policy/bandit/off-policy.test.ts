import { expect, test } from 'vitest';
import { seededRandom } from '../../../random/index.ts';
import { offPolicyValue, type LoggedDecision } from './off-policy.ts';
import { Ridge } from './ridge.ts';
import { ServingGate } from './serving-gate.ts';

const TRUE_MEANS = [0.6, 0.7, 0.3];

/** Draws by known propensities; rewards are 0 or 1. */
function logOf(count: number, { seed = 1, expected = [0, 0, 0], propensities = [0.8, 0.1, 0.1] }: { seed?: number; expected?: number[]; propensities?: number[] } = {}): LoggedDecision[] {
  const random = seededRandom(seed, 'log');
  return Array.from({ length: count }, () => {
    const lot = random();
    const chosen = lot < propensities[0]! ? 0 : lot < propensities[0]! + propensities[1]! ? 1 : 2;
    return { chosen, propensity: propensities[chosen]!, reward: random() < TRUE_MEANS[chosen]! ? 1 : 0, expected };
  });
}

test('what another policy would have earned is found from a log of decisions that it did not make', () => {
  const log = logOf(40_000);
  for (const action of [0, 1, 2]) {
    const { ips, snips, doublyRobust, standardError } = offPolicyValue(log, () => action);
    for (const value of [ips, snips, doublyRobust]) expect(Math.abs(value - TRUE_MEANS[action]!)).toBeLessThan(0.03);
    expect(Math.abs(doublyRobust - TRUE_MEANS[action]!)).toBeLessThan(4 * standardError);
  }
});

test('good expectations make it more certain, bad ones do not make it wrong', () => {
  const value = (expected: number[]) => offPolicyValue(logOf(40_000, { expected }), () => 2);
  expect(value(TRUE_MEANS).standardError).toBeLessThan(value([5, 5, 5]).standardError / 3);
  expect(Math.abs(value([5, 5, 5]).doublyRobust - 0.3)).toBeLessThan(4 * value([5, 5, 5]).standardError);
});

test('with right expectations wrong propensities do no harm either', () => {
  const log = logOf(40_000, { expected: TRUE_MEANS }).map((one) => ({ ...one, propensity: one.propensity / 2 }));
  expect(offPolicyValue(log, () => 1).doublyRobust).toBeCloseTo(0.7, 1);
  expect(offPolicyValue(log, () => 1).ips).toBeGreaterThan(1.2);
});

test('the gate opens for what is better, stays shut for what is worse, and says nothing on few decisions', () => {
  const gateOf = (learnt: number, count: number) => {
    const gate = new ServingGate();
    for (const decision of logOf(count)) gate.add(decision, learnt, 0);
    return gate;
  };
  expect(gateOf(1, 20_000).gain).toMatchObject({ isOpen: true });
  expect(gateOf(2, 20_000).gain).toMatchObject({ isOpen: false });
  expect(gateOf(1, 100).gain.isOpen).toBe(false);
});

test('a gate that is open closes again when what was better becomes worse', () => {
  const gate = new ServingGate();
  for (const decision of logOf(20_000)) gate.add(decision, 1, 0);
  for (const decision of logOf(20_000, { seed: 2 })) gate.add(decision, 2, 0);
  expect(gate.gain.isOpen).toBe(false);
});

test('the regression finds the coefficients, and is the surer the more it has seen', () => {
  const random = seededRandom(3, 'regression');
  const ridge = new Ridge(3, 1);
  const widths: number[] = [];
  for (let sample = 0; sample < 2_000; sample += 1) {
    const x = [1, random(), random()];
    ridge.learn(x, 0.2 + 0.5 * x[1]! - 0.3 * x[2]! + 0.1 * (random() - 0.5), sample);
    if (sample % 500 === 0) widths.push(ridge.estimate([1, 0.5, 0.5]).width);
  }
  expect(ridge.estimate([1, 1, 0]).mean).toBeCloseTo(0.7, 1);
  expect(ridge.estimate([1, 0, 1]).mean).toBeCloseTo(-0.1, 1);
  expect(widths).toEqual(widths.toSorted((a, b) => b - a));
});

test('a regression that forgets follows a change', () => {
  const ridge = new Ridge(1, 0.99);
  for (let sample = 0; sample < 1_000; sample += 1) ridge.learn([1], 1, sample);
  for (let sample = 0; sample < 500; sample += 1) ridge.learn([1], 0, sample);
  expect(ridge.estimate([1]).mean).toBeLessThan(0.05);
  expect(ridge.weight).toBeLessThan(101);
});
