import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Registry } from '@tandem/schemas';
import { systemClock } from '@tandem/shared/clock';
import { connectionsOf, loadSettings } from '@tandem/shared/config';
import { CHECKS, Patient, runChecks, type PatientOptions } from './index.ts';
import type { CheckedFinding } from './finding.ts';

const SHIPPED = fileURLToPath(new URL('../../../', import.meta.url));

export interface Installation {
  models: string;
  workloads: string;
  remove(): Promise<void>;
}

/** A folder of its own with the small digits model, its golden inputs and one workload, all well. */
export async function installation(): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-doctor-'));
  const [models, workloads] = [join(folder, 'models'), join(folder, 'workloads')];
  const registry = JSON.parse(await readFile(join(SHIPPED, 'models/registry.json'), 'utf8')) as Registry;
  registry.models = registry.models.filter(({ model, precision }) => model === 'digits-small' && precision === 'fp32');
  await cp(join(SHIPPED, 'models/digits-small'), join(models, 'digits-small'), { recursive: true });
  await cp(join(SHIPPED, 'models/golden.json'), join(models, 'golden.json'));
  await writeFile(join(models, 'registry.json'), JSON.stringify(registry));
  await mkdir(workloads);
  const plans = { coarse: { strategy: 'cascade', steps: [{ id: 'look', role: 'coarse', model: 'digits-small' }] } };
  await writeFile(join(workloads, 'digits.json'), JSON.stringify({ name: 'digits', description: 'a digit', adapter: 'classify', defaultTask: 'coarse', plans }));
  return { models, workloads, remove: () => rm(folder, { recursive: true }) };
}

/** What the doctor finds with those settings; `only` names the checks. */
export async function examine(flags: Record<string, string>, only: readonly string[], over: Partial<PatientOptions> = {}): Promise<CheckedFinding[]> {
  const settings = loadSettings({ flags: { logLevel: 'silent', ...flags } });
  const connections = await connectionsOf(settings);
  await using patient = new Patient({ settings, connections, flags: '', principalPrefix: 'User:tandem-', machineClock: systemClock, ...over });
  return await runChecks(CHECKS.filter(({ name }) => only.includes(name)), patient);
}
