import { execFile } from 'node:child_process';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { topicName, type AuditEntry, type Registry, type Response } from '@tandem/schemas';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { installation, type Installation } from '../../services/cli/doctor/testing.ts';
import { startTandem, type RunningTandem } from '../support/system.ts';

const TANDEM = join(import.meta.dirname, '../../services/cli/tandem.ts');
const execute = promisify(execFile);
let folders: Installation;
let tandem: RunningTandem;
let registered: string;

/** Beside the stable version: a canary that is another file, and one whose file is not the one that its entry says. */
beforeAll(async () => {
  folders = await installation();
  const file = join(folders.models, 'registry.json');
  const registry = JSON.parse(await readFile(file, 'utf8')) as Registry;
  const [stable] = registry.models;
  registered = stable!.version;
  await copyFile(join(folders.models, 'digits-small/classify.fp32.onnx'), join(folders.models, 'digits-small/next.fp32.onnx'));
  const graph = { ...stable!.graphs['classify']!, file: 'digits-small/next.fp32.onnx' };
  registry.models.push({ ...stable!, version: 'next', status: 'canary', graphs: { classify: graph } });
  registry.models.push({ ...stable!, version: 'broken', status: 'retired', graphs: { classify: { ...graph, sha256: '0'.repeat(64) } } });
  await writeFile(file, JSON.stringify(registry));
  tandem = await startTandem({ kafka: inject('kafka'), models: folders.models, workloads: folders.workloads, threads: '2' });
});
afterAll(async () => {
  await tandem[Symbol.asyncDispose]();
  await folders.remove();
});

const command = (...args: string[]) => execute(process.execPath, [TANDEM, 'models', ...args, '--json', '--models', folders.models, '--kafka', inject('kafka'), '--prefix', tandem.settings.prefix])
  .then(({ stdout }) => ({ code: 0, stdout, stderr: '' }), (error: unknown) => error as { code: number; stdout: string; stderr: string });

const values = Array.from({ length: 64 }, (_, index) => (index * 5) % 16);

const LOT = 16;

/** Requests, one lot after the other, until that is done, and one more; their responses. */
async function underLoad(work: Promise<unknown>): Promise<Response[]> {
  const responses: Response[] = [];
  let done = false;
  const ending = work.finally(() => (done = true));
  const ask = () => tandem.client.ask(Array.from({ length: LOT }, () => ({ workload: 'digits', input: { values }, hints: { deadlineMs: 10_000 } })));
  while (!done) responses.push(...(await ask()));
  await ending;
  // The last lot may have been asked for before it was done.
  responses.push(...(await ask()));
  return responses;
}

const versionsOf = (responses: readonly Response[]) => [...new Set(responses.flatMap(({ steps }) => steps.map(({ version }) => version)))];

/** How often the version changed from one lot of requests to the next; in the one lot in which it changes both may answer. */
function switchesOf(responses: readonly Response[]): number {
  const lots = Array.from({ length: responses.length / LOT }, (_, index) => versionsOf(responses.slice(index * LOT, (index + 1) * LOT)));
  const settled = lots.filter((versions) => versions.length === 1).map(([version]) => version);
  return settled.filter((version, index) => index > 0 && version !== settled[index - 1]).length;
}

test('a promotion and a rollback under load: every request is answered in time, by one version or the other', async () => {
  const promotion = command('promote', 'digits-small.fp32', '--release', 'next');
  const during = await underLoad(promotion);
  expect(JSON.parse((await promotion).stdout)).toMatchObject({ version: 'next', workers: [{ version: 'next' }] });
  const rollback = command('rollback', 'digits-small.fp32');
  const back = await underLoad(rollback);
  expect(JSON.parse((await rollback).stdout)).toMatchObject({ version: registered, workers: [{ version: registered }] });
  const all = [...during, ...back, ...(await underLoad(Promise.resolve()))];
  expect(all.filter(({ status, reason }) => status !== 'complete' || reason !== undefined)).toEqual([]);
  // While one version is loaded and checked the other serves, and there is no way back between them.
  expect([versionsOf(during), versionsOf(back)]).toEqual([[registered, 'next'], ['next', registered]]);
  expect(switchesOf(during)).toBe(1);
  expect(switchesOf(back)).toBe(1);
  expect(versionsOf(during.slice(-1))).toEqual(['next']);
  expect(versionsOf(all.slice(-1))).toEqual([registered]);
});

test('the audit says who promoted and who rolled back which version', async () => {
  const { client: { ports: { log } }, settings: { prefix } } = tandem;
  const entries: AuditEntry[] = [];
  for await (const batch of log.read({ topic: topicName(prefix, 'audit'), partition: 0 })) entries.push(...batch.map(({ value }) => JSON.parse(String(value)) as AuditEntry));
  expect(entries.map(({ action, target, outcome, detail }) => [action, target, outcome, detail])).toEqual([
    ['model.promote', 'digits-small.fp32', 'done', 'version next'], ['model.rollback', 'digits-small.fp32', 'done', `version ${registered}`],
  ]);
  expect(entries.every(({ actor }) => actor.endsWith(' (command line)'))).toBe(true);
});

test('a version whose file is not the one that was registered is not released', async () => {
  const { code, stderr } = await command('promote', 'digits-small.fp32', '--release', 'broken');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^model_hash_mismatch: /);
  expect(versionsOf(await tandem.client.ask([{ workload: 'digits', input: { values }, hints: { deadlineMs: 10_000 } }]))).toEqual([registered]);
});
