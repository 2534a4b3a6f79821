import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GraphSpec } from '@tandem/schemas';
import { workloadFolder } from '../capabilities.ts';

const FIXTURES = join(import.meta.dirname, '../../../shared/engine/fixtures');

export interface MadeModels {
  /** Of the adapter, `<name>-adapter.ts`. */
  name: string;
  /** Of the adapter. @default this one */
  adapters?: string;
  /** Of the engine's fixtures. */
  graph: string;
  models: readonly (string | { model: string; precision: string; accuracy: number })[];
  plans: Readonly<Record<string, unknown>>;
}

/** Folders of models whose cost is known, and of a workload that they serve. */
export function makeModels(folder: string, { name, graph, models, plans, adapters = import.meta.dirname }: MadeModels): { models: string; workloads: string } {
  const directory = join(folder, `${name}-models`);
  mkdirSync(directory, { recursive: true });
  copyFileSync(join(FIXTURES, `${graph}.onnx`), join(directory, `${graph}.onnx`));
  const graphs = JSON.parse(readFileSync(join(FIXTURES, 'graphs.json'), 'utf8')) as Record<string, GraphSpec>;
  const named = models.map((model) => (typeof model === 'string' ? { model, precision: 'fp32', accuracy: 1 } : model));
  const variants = named.map(({ model, precision, accuracy }) => ({
    model, precision, version: '1', status: 'stable', adapter: name, catalogue: { items: 100_000, popular: [1] }, graphs: { [graph]: graphs[graph] }, limits: {}, lineage: {},
    accuracy: { metric: 'none', value: accuracy, others: {}, data: 'none', date: 'none' },
  }));
  writeFileSync(join(directory, 'registry.json'), JSON.stringify({ registryVersion: 1, models: variants }));
  return { models: directory, workloads: workloadFolder(folder, name, { adapter: join(adapters, `${name}-adapter.ts`), plans }) };
}

/** Flags of `tandem cluster` for them. */
function flagsOf(folder: string, made: MadeModels): string[] {
  const { models, workloads } = makeModels(folder, made);
  return ['--models', models, '--workloads', workloads, '--policy', 'fixed', '--precision', 'fp32'];
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
