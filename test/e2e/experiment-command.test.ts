import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ExperimentControl, Response } from '@tandem/schemas';
import type { ExperimentSummary } from '@tandem/shared/core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { pacedInstallation, type PacedInstallation } from '../support/paced-installation.ts';
import { startTandem, type RunningTandem } from '../support/system.ts';
import { until } from '../support/until.ts';

const TANDEM = join(import.meta.dirname, '../../services/cli/tandem.ts');
const execute = promisify(execFile);
let folders: PacedInstallation;
/** Two schedulers among them; the second one's worker serves the canary, in a pool of its own. */
let systems: RunningTandem[] = [];

beforeAll(async () => {
  folders = await pacedInstallation();
  const { models, workloads } = folders;
  const common = { kafka: inject('kafka'), models, workloads, threads: '1', partitions: '2' };
  const first = await startTandem({ ...common, instance: 'first', variants: 'pace.fp32' });
  systems = [first, await startTandem({ ...common, prefix: first.settings.prefix, instance: 'second', variants: 'pace.fp32@2', pool: 'next' })];
});
afterAll(async () => {
  for (const system of systems) await system[Symbol.asyncDispose]();
  await folders.remove();
});

async function command(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const flags = ['--json', '--kafka', inject('kafka'), '--prefix', systems[0]!.settings.prefix];
  return execute(process.execPath, [TANDEM, 'experiment', ...args, ...flags]).then(({ stdout }) => ({ code: 0, stdout, stderr: '' }), (error: unknown) => error as { code: number; stdout: string; stderr: string });
}

const json = async <Value>(...args: string[]) => JSON.parse((await command(...args)).stdout) as Value;

async function ask(users: number): Promise<Response[]> {
  return systems[0]!.client.ask(Array.from({ length: users }, (_, user) => ({ workload: 'paced', userId: `u${user}`, input: { values: [1] }, hints: { deadlineMs: 20_000 } })));
}

test('a version is tried on half of the users by a pool of its own, reported on, and promoted under load, whichever scheduler decides', async () => {
  const path = join(folders.workloads, '../experiment.json');
  const arms = [{ name: 'usual', precision: 'fp32', version: '1', weight: 1 }, { name: 'next', precision: 'fp32', version: '2', weight: 1 }];
  await writeFile(path, JSON.stringify({ name: 'canary', workload: 'paced', model: 'pace', arms }));
  const where = ['--models', folders.models, '--workloads', folders.workloads];
  expect(await command('start', join(folders.workloads, 'paced.json'), ...where)).toMatchObject({ code: 2, stderr: expect.stringMatching(/^experiment_invalid: the file is not an experiment/) });
  expect(await json<ExperimentControl>('start', path, ...where)).toMatchObject({ state: 'running', releases: { next: { version: '2' } } });
  const answers: Response[] = [];
  const version = (responses: readonly Response[]) => [...new Set(responses.map(({ steps }) => steps[0]?.version))].toSorted();
  await until(async () => {
    const lot = await ask(24);
    answers.push(...lot);
    return version(lot).length === 2 && lot.every(({ steps }) => steps[0]?.experiment?.instead === undefined && steps[0]?.version === (steps[0]?.experiment?.arm === 'next' ? '2' : '1'));
  }, { timeoutMs: 60_000, what: 'both versions to answer their users' });
  let report: ExperimentSummary | undefined;
  await until(async () => (report = await json<ExperimentSummary>('report', 'canary')).arms.every(({ answers: given }) => given > 0), { what: 'the counts of both arms' });
  expect(report?.arms).toMatchObject([{ name: 'usual', role: 'control', share: 0.5, badShare: 0 }, { name: 'next', role: 'treatment', badShare: 0 }]);

  expect(await command('weights', 'canary', 'none=1')).toMatchObject({ code: 1, stderr: expect.stringMatching(/^experiment_refused: there is no arm none/) });
  let isPromoted = false;
  const promotion = json<ExperimentControl>('promote', 'canary').finally(() => (isPromoted = true));
  while (!isPromoted) answers.push(...(await ask(16)));
  expect(await promotion).toMatchObject({ state: 'promoted', winner: 'next' });
  await until(async () => {
    const lot = await ask(16);
    answers.push(...lot);
    return version(lot).join() === '2';
  }, { timeoutMs: 60_000, what: 'all workers to have taken the version' });
  expect(answers.filter(({ status, reason }) => status !== 'complete' || reason !== undefined)).toEqual([]);

  expect(await json<ExperimentControl>('stop', 'canary')).toMatchObject({ state: 'stopped' });
  expect(await json('remove', 'canary')).toEqual({ removed: 'canary' });
  expect(await json('list')).toEqual([]);
});
