import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GraphSpec } from '@tandem/schemas';
import { workloadFolder } from '../capabilities.ts';

const FIXTURES = join(import.meta.dirname, '../../../shared/engine/fixtures');

interface MadeModels {
  /** Of the adapter, in this folder as `<name>-adapter.ts`. */
  name: string;
  /** Of the engine's fixtures. */
  graph: string;
  models: readonly string[];
  plans: Readonly<Record<string, unknown>>;
}

/** Flags of `tandem cluster` for models whose cost is known, in folders made for them. */
function flagsOf(folder: string, { name, graph, models, plans }: MadeModels): string[] {
  const directory = join(folder, `${name}-models`);
  mkdirSync(directory, { recursive: true });
  copyFileSync(join(FIXTURES, `${graph}.onnx`), join(directory, `${graph}.onnx`));
  const graphs = JSON.parse(readFileSync(join(FIXTURES, 'graphs.json'), 'utf8')) as Record<string, GraphSpec>;
  const variants = models.map((model) => ({
    model, precision: 'fp32', version: '1', status: 'stable', adapter: name, catalogue: { items: 100_000, popular: [1] }, graphs: { [graph]: graphs[graph] }, limits: {}, lineage: {},
    accuracy: { metric: 'none', value: 1, others: {}, data: 'none', date: 'none' },
  }));
  writeFileSync(join(directory, 'registry.json'), JSON.stringify({ registryVersion: 1, models: variants }));
  const workloads = workloadFolder(folder, name, { adapter: join(import.meta.dirname, `${name}-adapter.ts`), plans });
  return ['--models', directory, '--workloads', workloads, '--policy', 'fixed', '--precision', 'fp32'];
}

/** Two models, one after the other, that compute nothing. For requests of the task `full`. */
export function noopFlags(folder: string): string[] {
  const steps = [{ id: 'coarse', role: 'coarse', model: 'noop-small' }, { id: 'fine', role: 'fine', model: 'noop-large', after: ['coarse'] }];
  return flagsOf(folder, { name: 'noop', graph: 'double', models: ['noop-small', 'noop-large'], plans: { full: { strategy: 'rerank', steps } } });
}

/** One model that takes a few milliseconds for each request of a batch. For requests of the task `fine`. */
export function heavyFlags(folder: string): string[] {
  const steps = [{ id: 'fine', role: 'fine', model: 'heavy' }];
  return flagsOf(folder, { name: 'heavy', graph: 'slow', models: ['heavy'], plans: { fine: { strategy: 'rerank', steps } } });
}
