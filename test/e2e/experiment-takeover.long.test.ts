import type { AuditEntry, ExperimentReport, Response } from '@tandem/schemas';
import { systemClock } from '@tandem/shared/clock';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { startCommand, type CommandProcess } from '../support/cluster.ts';
import { armsOf, Trial } from '../support/experiment-trial.ts';
import { pacedInstallation, type PacedInstallation } from '../support/paced-installation.ts';
import { schedulersByPartition } from '../support/scheduler-in-charge.ts';
import { startTandem, type RunningTandem } from '../support/system.ts';
import { until } from '../support/until.ts';

const USERS = 48;
const PARTITIONS = '2';
let folders: PacedInstallation;
beforeAll(async () => {
  folders = await pacedInstallation();
});
afterAll(() => folders.remove());

/** Two arms whose variant fails have no users at first. */
const FILE = JSON.stringify({
  name: 'split', workload: 'paced', model: 'pace', guards: { minimumAnswers: 20, p95Ratio: 1_000 },
  arms: [
    { name: 'usual', precision: 'fp32', weight: 1 }, { name: 'new', precision: 'int8', weight: 1 },
    { name: 'bad', precision: 'bad', weight: 0 }, { name: 'worse', precision: 'bad', weight: 0 },
  ],
});

function startScheduler(instance: string, { settings: { prefix, models, workloads } }: RunningTandem): CommandProcess {
  const where = ['--kafka', inject('kafka'), '--prefix', prefix, '--partitions', PARTITIONS, '--models', models, '--workloads', workloads];
  return startCommand(['stage', 'scheduler', '--instance', instance, '--session-timeout-ms', '4000', '--http-port', '0', '--log-level', 'warn', ...where]);
}

/** Answers by arm, as fusion tells them: one process, and its newest record. */
async function counted(trial: Trial): Promise<Record<string, number>> {
  const reports = (await trial.read<ExperimentReport>('telemetry')).filter(({ kind }) => kind === 'experiment');
  const none = { usual: 0, new: 0, bad: 0, worse: 0 };
  return { ...none, ...Object.fromEntries(Object.entries(reports.at(-1)?.arms ?? {}).map(([name, { answers }]) => [name, answers])) };
}

function answersByArm(responses: readonly Response[]): Record<string, number> {
  const counts: Record<string, number> = { usual: 0, new: 0, bad: 0, worse: 0 };
  for (const { steps } of responses) counts[steps[0]?.experiment?.arm ?? 'none']! += 1;
  return counts;
}

async function expectEachCountedOnce(trial: Trial): Promise<void> {
  const all = answersByArm(trial.responses);
  const isThere = async () => Object.entries(await counted(trial)).every(([arm, answers]) => answers >= all[arm]!);
  await until(isThere, { everyMs: 200, what: 'the last counts' });
  expect(await counted(trial)).toEqual(all);
}

/** It has users from now on, until a scheduler takes it back. */
async function tryOut(trial: Trial, arm: string): Promise<void> {
  await trial.steer({ deed: 'weights', weights: { [arm]: 1 } });
  await trial.askUntil(() => trial.control?.out[arm] !== undefined);
  expect(trial.control).toMatchObject({ state: 'running', by: 'scheduler', out: { [arm]: expect.stringMatching(/^guard rail: .*needed another variant/) } });
}

test('schedulers in charge are killed under load: arms stay, each answer is counted once, and whoever is left, or comes anew, goes on to steer', async () => {
  const { models, workloads, variants } = folders;
  await using tandem = await startTandem({ kafka: inject('kafka'), partitions: PARTITIONS, models, workloads, variants, threads: '1' }, systemClock, ['classifier', 'worker', 'fusion']);
  await using first = startScheduler('first', tandem);
  await using second = startScheduler('second', tandem);
  const holders = () => schedulersByPartition(inject('kafka'), tandem.settings.prefix);
  const isAlone = async (name: string) => [...(await holders()).values()].join() === `${name},${name}`;
  await until(async () => new Set((await holders()).values()).size === 2, { everyMs: 100, timeoutMs: 60_000, what: () => `both schedulers: ${first.log()} ${second.log()}` });
  const trial = await Trial.begin(tandem, FILE);
  const arms = armsOf(await trial.ask(USERS));
  expect(new Set(arms.values())).toEqual(new Set(['usual', 'new']));

  const [victim, heir] = (await holders()).get(0) === 'first' ? [first, second] : [second, first];
  const onItsWay = trial.ask(USERS);
  process.kill(victim.pid, 'SIGKILL');
  expect(armsOf(await onItsWay)).toEqual(arms);
  await until(() => isAlone(heir === first ? 'first' : 'second'), { everyMs: 100, timeoutMs: 60_000, what: 'the other one to take charge' });
  expect(armsOf(await trial.ask(USERS))).toEqual(arms);
  await expectEachCountedOnce(trial);
  await tryOut(trial, 'bad');
  expect(armsOf(await trial.ask(USERS))).toEqual(arms);

  process.kill(heir.pid, 'SIGKILL');
  const waiting = trial.ask(USERS, 60_000);
  await using third = startScheduler('third', tandem);
  expect(armsOf(await waiting), third.log()).toEqual(arms);
  await expectEachCountedOnce(trial);
  await tryOut(trial, 'worse');
  await trial.steer({ deed: 'promote', arm: 'new' });
  expect(new Set((await trial.ask(USERS)).map(({ steps }) => steps[0]?.precision))).toEqual(new Set(['int8']));
  trial.expectAllComplete();
  await expectEachCountedOnce(trial);
  const audit = await trial.read<AuditEntry>('audit');
  expect(audit.map(({ actor, action }) => `${actor} ${action}`)).toEqual([
    'test experiment.start', 'test experiment.weights', 'scheduler experiment.rollback', 'test experiment.weights', 'scheduler experiment.rollback', 'test experiment.promote',
  ]);
});
