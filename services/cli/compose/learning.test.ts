import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Task, Variant } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import { settingsSchema } from '@tandem/shared/config';
import type { ClusterState, Forecast, LearnerState, VariantState } from '@tandem/shared/core';
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

function harness() {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-learning-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const warnings: string[] = [];
  const ports = { clock: new ManualClock(10), judgements: new Judgements(), logger: { ...silentLogger, warn: (_fields: unknown, text?: string) => void warnings.push(text ?? '') } as typeof silentLogger };
  const file = join(folder, 'state.json');
  return { file, warnings, ports, open: () => openLearning(settingsSchema.parse({ policy: 'bandit', learningState: file }), ports) };
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
