import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { STAGE_NAMES, type Response } from '@tandem/schemas';
import { systemClock } from '@tandem/shared/clock';
import { offPolicyValue, readPropensity, REWARD_WEIGHTS, type LoggedDecision, type PolicyEvaluation } from '@tandem/shared/core';
import { expect, onTestFinished, test } from 'vitest';
import { pacedInstallation } from '../support/paced-installation.ts';
import { startTandem } from '../support/system.ts';

const PRECISIONS = ['fp32', 'int8'];
const REQUESTS = 900;
const AT_ONCE = 60;
/** On a busy machine only the cheapest variant would be in time, and there would be nothing to choose. */
const IDLE = { sample: () => Promise.resolve({ time: Date.now(), cpuUse: 0, cpuCores: 2, memoryBytes: 8e9, memoryFreeBytes: 4e9 }) };
/** So many standard errors: once in a hundred thousand runs. */
const DEVIATIONS = 4.5;

/** What this test makes of an answer: the light variant is right where the input is even, and wrong elsewhere. */
const rewardOf = (precision: string, input: number): number => (precision === 'fp32' ? 0.5 : input % 2 === 0 ? 1 : 0);

interface Recorded extends LoggedDecision {
  input: number;
}

/** A decision as its response tells of it; none where a single variant was in time. */
function recordedOf({ steps: [step] }: Response, input: number): Recorded[] {
  const { precision, reason } = step!;
  const propensity = readPropensity(reason);
  if (propensity === undefined) return [];
  return [{ input, propensity, chosen: PRECISIONS.indexOf(precision), reward: rewardOf(precision, input), expected: [0.5, 0.5] }];
}

test('the records of a real run under bandit say what policies would have earned that made none of its decisions', async () => {
  const installation = await pacedInstallation();
  onTestFinished(() => installation.remove());
  const evaluation: PolicyEvaluation = {
    evaluationVersion: 1, policy: 'bandit', estimator: 'doubly robust', date: '2026-01-01', weights: REWARD_WEIGHTS, variants: PRECISIONS.map((precision) => `pace.${precision}@1`),
    worlds: [{ model: 'pace', world: 'a test', decisions: 1_000, promised: 0.6, standardError: 0.01, earned: 0.6, fallbackEarned: 0.6, missShare: 0, fallbackMissShare: 0 }],
  };
  const learningEvaluation = join(installation.models, 'evaluation.json');
  writeFileSync(learningEvaluation, JSON.stringify(evaluation));
  const { models, workloads } = installation;
  await using tandem = await startTandem({ models, workloads, threads: '1', policy: 'bandit', learningEvaluation, variants: PRECISIONS.map((precision) => `pace.${precision}`).join(',') }, systemClock, STAGE_NAMES, IDLE);

  const log: Recorded[] = [];
  for (let asked = 0; log.length < REQUESTS; asked += AT_ONCE) {
    const inputs = Array.from({ length: AT_ONCE }, (_, index) => asked + index);
    const responses = await tandem.client.ask(inputs.map((input) => ({ workload: 'paced', userId: `user-${input}`, input: { values: [input] }, hints: { deadlineMs: 20_000 } })));
    log.push(...responses.flatMap((response, index) => recordedOf(response, inputs[index]!)));
  }

  const chosen = new Set(log.map((decision) => decision.chosen));
  expect(chosen.size).toBe(PRECISIONS.length);
  const valueOf = (target: (decision: Recorded) => number) => offPolicyValue(log, (decision) => target(decision as Recorded));
  const targets: [target: (decision: Recorded) => number, earns: number][] = [[() => 1, 0.5], [({ input }) => (input % 2 === 0 ? 1 : 0), 0.75], [({ input }) => input % 2, 0.25]];
  for (const [target, earns] of targets) {
    const { doublyRobust, standardError } = valueOf(target);
    expect(standardError).toBeLessThan(0.15);
    expect(Math.abs(doublyRobust - earns)).toBeLessThan(DEVIATIONS * standardError);
  }
  expect(valueOf(() => 0)).toMatchObject({ doublyRobust: 0.5, snips: 0.5, ips: expect.closeTo(0.5, 1) });
});
