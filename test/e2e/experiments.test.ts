import { topicName, type AuditEntry, type ExperimentReport, type Outcome, type Work } from '@tandem/schemas';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { armsOf, Trial } from '../support/experiment-trial.ts';
import { pacedInstallation, type PacedInstallation } from '../support/paced-installation.ts';
import { startTandem } from '../support/system.ts';
import { until } from '../support/until.ts';

let folders: PacedInstallation;
beforeAll(async () => {
  folders = await pacedInstallation();
});
afterAll(() => folders.remove());

const GUARDS = { minimumAnswers: 20, windowSeconds: 60 };

/** Two arms: FP32, and that other variant. */
function file(precision: string, over: object = {}): string {
  const arms = [{ name: 'usual', precision: 'fp32', weight: 1 }, { name: 'new', precision, weight: 1 }];
  return JSON.stringify({ name: 'split', workload: 'paced', model: 'pace', arms, guards: GUARDS, ...over });
}

/** The embedded log, unless flags say otherwise. */
async function beginTrial(text: string, flags: Record<string, unknown> = {}): Promise<Trial> {
  const { models, workloads, variants } = folders;
  const tandem = await startTandem({ models, workloads, variants, threads: '1', ...flags });
  onTestFinished(() => tandem[Symbol.asyncDispose]());
  return Trial.begin(tandem, text);
}

test('users stay in their arm, which runs its variant and is named in the response; weights move only whom they must', async () => {
  const trial = await beginTrial(file('int8'));
  const [first, again] = [await trial.ask(60), await trial.ask(60)];
  expect(armsOf(again)).toEqual(armsOf(first));
  for (const { steps: [step] } of first) {
    expect(step).toMatchObject({ precision: step?.experiment?.arm === 'new' ? 'int8' : 'fp32', experiment: { name: 'split' }, reason: expect.stringMatching(/^experiment split, arm (usual|new): /) });
  }
  const inNew = first.filter(({ steps }) => steps[0]?.experiment?.arm === 'new').length;
  expect(inNew).toBeGreaterThan(15);
  expect(inNew).toBeLessThan(45);
  await trial.steer({ deed: 'weights', weights: { new: 0 } });
  expect(new Set(armsOf(await trial.ask(60)).values())).toEqual(new Set(['usual']));
  trial.expectAllComplete();
});

test.each(['all', 'none'])('an arm whose variant fails is rolled back by its guard rail, and no request fails for it (chain %s)', async (chain) => {
  const trial = await beginTrial(file('bad'), { chain });
  await trial.askUntil(() => trial.control?.state === 'rolled_back');
  expect(trial.control).toMatchObject({ by: 'scheduler', out: { new: expect.stringMatching(/^guard rail: .*needed another variant/) }, weights: { new: 0 } });
  const rescued = trial.responses.filter(({ steps }) => steps[0]?.experiment?.instead === 'failed');
  expect(rescued.length).toBeGreaterThan(0);
  expect(new Set((await trial.ask(30)).map(({ steps }) => steps[0]?.precision))).toEqual(new Set(['fp32']));
  trial.expectAllComplete();
  const audit = await trial.read<AuditEntry>('audit');
  expect(audit.map(({ actor, action, target }) => `${actor} ${action} ${target}`)).toEqual(['test experiment.start split', 'scheduler experiment.rollback split']);
});

test('an arm that is slow is rolled back by its guard rail', async () => {
  const trial = await beginTrial(file('slow', { guards: { ...GUARDS, p95Ratio: 1.2 }, arms: [{ name: 'usual', precision: 'fp32', weight: 3 }, { name: 'new', precision: 'slow', weight: 1 }] }), { threads: '2' });
  await trial.askUntil(() => trial.control?.state === 'rolled_back');
  expect(trial.control?.out['new']).toMatch(/^guard rail: (p95|.*would have been late)/);
  trial.expectAllComplete();
});

test('a promote and a stop under load: every request is answered, and all users get the winner', async () => {
  const trial = await beginTrial(file('int8', { guards: { ...GUARDS, p95Ratio: 1_000 } }), { chain: 'all' });
  let isDone = false;
  const load = trial.askUntil(() => isDone);
  await trial.steer({ deed: 'weights', weights: { new: 3 } });
  await trial.steer({ deed: 'promote' });
  const promoted = await trial.ask(30);
  await trial.steer({ deed: 'stop' });
  isDone = true;
  await load;
  expect(new Set(promoted.map(({ steps }) => steps[0]?.precision))).toEqual(new Set(['int8']));
  expect((await trial.ask(5)).every(({ steps }) => steps[0]?.experiment === undefined)).toBe(true);
  trial.expectAllComplete();
});

test('a copy of work is run, compared and counted, and answers nobody', async () => {
  const text = file('int8', { arms: [{ name: 'usual', precision: 'fp32', weight: 1 }, { name: 'seen', precision: 'int8', shadow: true, weight: 1 }] });
  const trial = await beginTrial(text);
  const { settings: { prefix }, client } = trial.tandem;
  await trial.ask(1);
  const [outcome] = (await trial.read<Outcome>('outcomes')).filter(({ kind }) => kind === 'completed');
  if (outcome?.kind !== 'completed') throw new Error('no outcome');
  const { task, step, kind, run, result } = outcome;
  const work: Work = {
    step, model: 'pace', precision: 'int8', reason: 'a copy', dispatchedAt: Date.now(), task: { ...task, lane: 'bulk', deadlineAt: Date.now() + 20_000 },
    previous: { [step]: { kind, run, result } }, shadow: { experiment: 'split', arm: 'seen' },
  };
  await client.ports.producer.send([{ topic: topicName(prefix, 'telemetry').replace('telemetry', 'bulk.pace.int8'), key: task.key, value: JSON.stringify(work) }]);
  const counted = () => trial.read<ExperimentReport>('telemetry').then((all) => all.filter((report) => report.kind === 'experiment').at(-1)?.arms['seen']?.compared ?? 0);
  let compared = 0;
  await until(async () => (compared = await counted()) > 0, { what: () => 'the copy to be counted' });
  expect(compared).toBeGreaterThan(0);
  expect((await trial.read<Outcome>('outcomes')).filter((each) => each.kind === 'shadow')[0]).toMatchObject({ shadow: { arm: 'seen' }, end: { kind: 'completed' } });
  trial.expectAllComplete();
});
