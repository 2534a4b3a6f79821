import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Task, Variant } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import { settingsSchema } from '@tandem/shared/config';
import type { ClusterState, EvaluatedWorld, Forecast, LearnerState, PolicyEvaluation, VariantState } from '@tandem/shared/core';
import { silentLogger } from '@tandem/shared/telemetry';
import { Judgements } from './judgements.ts';
import { openLearning, type Learning } from './learning.ts';

const variantOf = (precision: string, accuracy: number): Variant => ({
  model: 'large', precision, version: '1', status: 'stable', adapter: 'recommend', graphs: {}, limits: {}, lineage: {},
  accuracy: { metric: 'ndcgAt10', value: accuracy, others: {}, data: 'test', date: '2026-01-01' },
});
const states = [variantOf('fp32', 1), variantOf('int8', 0.9)].map((variant): VariantState =>
  ({ variant, workers: 1, halfOpen: 0, probeDue: false, takenOut: 0, queued: 0, outstanding: 0, meanBatchMs: 1, everServed: true }));
const forecast: Forecast = { backlogMs: 0, queueMs: 0, peakQueueMs: 0, computeMs: 1, returnMs: 0, soonestMs: 1, deviationMs: 0, costMs: 1 };
const cluster: ClusterState = { resources: undefined, settled: true, variantsOf: () => states, forecast: () => forecast };

function taskOf(requestId: string): Task {
  return {
    requestId, workload: 'w', key: 'k', lane: 'interactive', task: 'fine', tier: 'standard', arrivedAt: 0, deadlineAt: 100, accuracyFloor: null, activity: 0,
    input: {}, source: 't/0/0', marks: [], plan: { id: 'fine', strategy: 'rerank', steps: [{ id: 'fine', role: 'fine', model: 'large', after: [], required: false }] },
  };
}

const WEIGHTS = { costPerMs: 0.005, lateness: 1, perJoule: 0 };
const WORLD: EvaluatedWorld = { model: 'large', world: 'both are as good', decisions: 1_000, promised: 0.6, standardError: 0.01, earned: 0.6, fallbackEarned: 0.6, missShare: 0, fallbackMissShare: 0 };
const EVALUATION: PolicyEvaluation = {
  evaluationVersion: 1, policy: 'bandit', estimator: 'doubly robust', date: '2026-01-01', weights: WEIGHTS, variants: ['large.fp32@1', 'large.int8@1'], worlds: [WORLD],
};

/** @param evaluation of its file; null: none is named */
function harness(evaluation: PolicyEvaluation | string | null = EVALUATION) {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-learning-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const warnings: string[] = [];
  const warn = ({ reason }: { reason?: string }, text = '') => void warnings.push(reason === undefined ? text : `${text}; ${reason}`);
  const ports = { clock: new ManualClock(10), judgements: new Judgements(), variants: states.map(({ variant }) => variant), logger: { ...silentLogger, warn } as typeof silentLogger };
  const [file, learningEvaluation] = [join(folder, 'state.json'), join(folder, 'evaluation.json')];
  if (evaluation !== null) writeFileSync(learningEvaluation, typeof evaluation === 'string' ? evaluation : JSON.stringify(evaluation));
  return { file, warnings, ports, open: () => openLearning(settingsSchema.parse({ policy: 'bandit', learningState: file, ...(evaluation === null ? {} : { learningEvaluation }) }), ports) };
}

/** One request, answered and judged. */
function ask({ policy }: Learning, judgements: Judgements, requestId: string): string {
  const task = taskOf(requestId);
  const decision = policy.choose({ task, step: task.plan.steps[0]!, previous: {}, now: 10, cluster }, states);
  if (decision.kind !== 'dispatch') throw new Error(decision.reason);
  const { model, precision, reason } = decision;
  policy.returned!({ requestId, step: 'fine', task, previous: {}, kind: 'completed', run: { model, precision, version: '1', batchSize: 1, queueMs: 0, computeMs: 1, reason }, result: { items: [1], scores: [1] } }, 20);
  judgements.tell(requestId, true);
  return reason;
}

test('what was learnt before a restart counts after it, live feedback included', async () => {
  const { file, open, ports: { judgements } } = harness();
  const first = await open();
  first.start();
  for (let index = 0; index < 60; index += 1) ask(first, judgements, `r${index}`);
  await first.stop();
  const kept = readFileSync(file, 'utf8');
  const { sources } = JSON.parse(kept) as LearnerState;
  // All but those that were drawn by lot, from agreement and from what users did.
  for (const source of ['live', 'agreement'] as const) expect(sources[source].arms['w/fine/large.fp32']!.weight).toBeGreaterThan(30);
  const second = await open();
  second.start();
  await second.stop();
  expect(readFileSync(file, 'utf8')).toBe(kept);
});

test('a file that cannot be read is said, and does not keep it from deciding', async () => {
  const { file, warnings, open, ports: { judgements } } = harness();
  writeFileSync(file, '{');
  const learning = await open();
  expect(warnings).toEqual([expect.stringContaining('learning anew')]);
  expect(ask(learning, judgements, 'r')).toContain('propensity');
});

test.each<[why: string, evaluation: PolicyEvaluation | string | null, reason: string]>([
  ['none is named', null, 'no evaluation is named'],
  ['it is no evaluation', '{', 'no evaluation that this version can read'],
  ['it is of another version of the model', { ...EVALUATION, variants: ['large.fp32@1', 'large.int8@0'] }, 'the evaluation is of others'],
  ['it was made with other rewards', { ...EVALUATION, weights: { ...WEIGHTS, costPerMs: 1 } }, 'evaluated with costPerMs 1, and 0.005 counts now'],
  ['it earned less in one of the worlds', { ...EVALUATION, worlds: [WORLD, { ...WORLD, world: 'one is worse', failed: 'earned less' }] }, 'large, where one is worse: earned less'],
])('where %s, deadline-aware chooses, nothing is drawn by lot or learnt, and a line says why', async (_why, evaluation, reason) => {
  const { file, warnings, open, ports: { judgements } } = harness(evaluation);
  const learning = await open();
  learning.start();
  for (let index = 0; index < 200; index += 1) expect(ask(learning, judgements, `r${index}`)).toMatch(/^bandit: unsure \(not evaluated with large\.\w+@1\), deadline-aware: best/);
  await learning.stop();
  expect(warnings).toEqual([expect.stringMatching(/not been evaluated with these variants: among them deadline-aware chooses; /)]);
  expect(warnings[0]).toContain(reason);
  expect((JSON.parse(readFileSync(file, 'utf8')) as LearnerState).sources.live.arms).toEqual({});
});

test('what another model failed in keeps none from serving that passed', async () => {
  const { warnings, open, ports: { judgements } } = harness({ ...EVALUATION, variants: [...EVALUATION.variants, 'small.fp32@1'], worlds: [WORLD, { ...WORLD, model: 'small', failed: 'earned less' }] });
  expect(ask(await open(), judgements, 'r')).toContain('propensity');
  expect(warnings).toEqual([]);
});
