import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GraphSpec, Variant } from '@tandem/schemas';

const FIXTURES = join(import.meta.dirname, '../../shared/engine/fixtures');

export interface PacedInstallation {
  models: string;
  workloads: string;
  /** What a worker has to be told to serve. */
  variants: string;
  remove(): Promise<void>;
}

/** A folder with a workload `paced` and its model `pace` in four variants: fp32 and int8 are well, `slow` is slow, `bad` fails. Of fp32 there are a canary, version 2, and a retired version, 0; of `old` that alone. */
export async function pacedInstallation(): Promise<PacedInstallation> {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-paced-'));
  const [models, workloads] = [join(folder, 'models'), join(folder, 'workloads')];
  await Promise.all([mkdir(join(models, 'pace'), { recursive: true }), mkdir(workloads)]);
  const graphs = JSON.parse(await readFile(join(FIXTURES, 'graphs.json'), 'utf8')) as Record<string, GraphSpec>;
  for (const name of ['slow', 'lookup']) await copyFile(join(FIXTURES, `${name}.onnx`), join(models, 'pace', `${name}.onnx`));
  const variant = (precision: string, graph: string, value: number): Variant => ({
    model: 'pace', precision, version: '1', status: 'stable', adapter: 'paced', limits: {}, lineage: {},
    graphs: { run: { ...graphs[graph]!, file: `pace/${graph}.onnx` } }, accuracy: { metric: 'accuracy', value, others: {}, data: 'none', date: '2026-01-01' },
  });
  const all = [variant('fp32', 'slow', 0.9), variant('int8', 'slow', 0.89), variant('slow', 'slow', 0.88), variant('bad', 'lookup', 0.87)];
  const canary: Variant = { ...all[0]!, version: '2', status: 'canary' };
  const retired: Variant[] = ['fp32', 'old'].map((precision) => ({ ...all[0]!, precision, version: '0', status: 'retired' }));
  await writeFile(join(models, 'registry.json'), JSON.stringify({ registryVersion: 1, models: [...all, canary, ...retired] }));
  const plans = { coarse: { strategy: 'cascade', steps: [{ id: 'run', role: 'coarse', model: 'pace', required: true }] } };
  const workload = { name: 'paced', description: 'for tests', adapter: join(import.meta.dirname, 'paced-adapter.ts'), defaultTask: 'coarse', plans };
  await writeFile(join(workloads, 'paced.json'), JSON.stringify(workload));
  return { models, workloads, variants: all.map(({ model, precision }) => `${model}.${precision}`).join(','), remove: () => rm(folder, { recursive: true }) };
}
