import { topicName, type AuditEntry, type ExperimentControl, type ExperimentReport, type Outcome, type Response, type Work } from '@tandem/schemas';
import { experimentRecords, wished, type ExperimentWish } from '@tandem/shared/control';
import { jsonOf } from '@tandem/shared/core';
import type { LogRecord } from '@tandem/shared/log';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startExperiment } from '../../services/cli/compose/start-experiment.ts';
import { pacedInstallation, type PacedInstallation } from '../support/paced-installation.ts';
import { startTandem, type RunningTandem } from '../support/system.ts';
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

class Trial {
  readonly tandem: RunningTandem;
  readonly responses: Response[] = [];
  #asked = 0;

  constructor(tandem: RunningTandem) {
    this.tandem = tandem;
  }

  /** The embedded log, unless flags say otherwise. */
  static async begin(text: string, flags: Record<string, unknown> = {}): Promise<Trial> {
    const { models, workloads, variants } = folders;
    const tandem = await startTandem({ models, workloads, variants, threads: '1', ...flags });
    onTestFinished(() => tandem[Symbol.asyncDispose]());
    const trial = new Trial(tandem);
    const { settings: { prefix }, client: { ports } } = tandem;
    await startExperiment(text, { prefix, models, workloads: ports.workloads, others: [], producer: ports.producer, actor: 'test', now: Date.now() });
    await until(() => trial.control !== undefined, { what: () => 'the stages to know of the experiment' });
    return trial;
  }

  get control(): ExperimentControl | undefined {
    return this.tandem.client.ports.experiments.named('split');
  }

  /** Of so many users, each once. */
  async ask(users: number): Promise<Response[]> {
    const drafts = Array.from({ length: users }, (_, user) => ({ workload: 'paced', userId: `user-${user}`, input: { values: [this.#asked += 1] }, hints: { deadlineMs: 20_000 } }));
    const answers = await this.tandem.client.ask(drafts);
    this.responses.push(...answers);
    return answers;
  }

  /** Requests, one lot after the other, until it is so. */
  async askUntil(isSo: () => boolean): Promise<void> {
    for (let lots = 0; !isSo() && lots < 300; lots += 1) await this.ask(16);
    expect(isSo()).toBe(true);
  }

  async steer(wish: ExperimentWish): Promise<void> {
    const { settings: { prefix }, client: { ports } } = this.tandem;
    const [before, time] = [this.control!, Date.now()];
    const { next, deed } = wished(before, wish, { by: 'test', time });
    await ports.producer.send(experimentRecords(next, { prefix, actor: 'test', deed, time }));
    await until(() => (this.control?.revision ?? 0) > before.revision, { what: () => 'the stages to follow' });
  }

  /** What is on a topic, as far as it can be read. */
  async read<Value>(topic: string): Promise<Value[]> {
    const { settings: { prefix }, client: { ports } } = this.tandem;
    const values: Value[] = [];
    const tail = await ports.log.tail({ topic: prefix + topic, onRecord: ({ value }: LogRecord) => void (value !== null && values.push(jsonOf(value) as Value)) });
    await tail.caughtUp;
    await tail.close();
    return values;
  }

  expectAllComplete(): void {
    expect(this.responses.filter(({ status, reason }) => status !== 'complete' || reason !== undefined)).toEqual([]);
    expect([...this.tandem.client.responses.values()].filter((all) => all.length !== 1)).toEqual([]);
  }
}

const armsOf = (responses: readonly Response[]) => new Map(responses.map(({ userId, steps }) => [userId, steps[0]?.experiment?.arm]));

test('users stay in their arm, which runs its variant and is named in the response; weights move only whom they must', async () => {
  const trial = await Trial.begin(file('int8'));
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
  const trial = await Trial.begin(file('bad'), { chain });
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
  const trial = await Trial.begin(file('slow', { guards: { ...GUARDS, p95Ratio: 1.2 }, arms: [{ name: 'usual', precision: 'fp32', weight: 3 }, { name: 'new', precision: 'slow', weight: 1 }] }), { threads: '2' });
  await trial.askUntil(() => trial.control?.state === 'rolled_back');
  expect(trial.control?.out['new']).toMatch(/^guard rail: (p95|.*would have been late)/);
  trial.expectAllComplete();
});

test('a promote and a stop under load: every request is answered, and all users get the winner', async () => {
  const trial = await Trial.begin(file('int8', { guards: { ...GUARDS, p95Ratio: 1_000 } }), { chain: 'all' });
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
  const trial = await Trial.begin(text);
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
