import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GraphSpec } from '@tandem/schemas';
import { workloadFolder } from '../capabilities.ts';

const FIXTURES = join(import.meta.dirname, '../../../shared/engine/fixtures');
const ADAPTER = join(import.meta.dirname, 'adapter.ts');

/** Flags of `tandem cluster` for models that compute nothing, in folders made for them. */
export function noopFlags(folder: string): string[] {
  const models = join(folder, 'noop-models');
  mkdirSync(models, { recursive: true });
  copyFileSync(join(FIXTURES, 'double.onnx'), join(models, 'double.onnx'));
  const { double } = JSON.parse(readFileSync(join(FIXTURES, 'graphs.json'), 'utf8')) as { double: GraphSpec };
  const variants = ['noop-small', 'noop-large'].map((model) => ({
    model, precision: 'fp32', version: '1', status: 'stable', adapter: 'noop', catalogue: { items: 100_000, popular: [1] }, graphs: { double }, limits: {}, lineage: {},
    accuracy: { metric: 'none', value: 1, others: {}, data: 'none', date: 'none' },
  }));
  writeFileSync(join(models, 'registry.json'), JSON.stringify({ registryVersion: 1, models: variants }));
  const steps = [{ id: 'coarse', role: 'coarse', model: 'noop-small' }, { id: 'fine', role: 'fine', model: 'noop-large', after: ['coarse'] }];
  const workloads = workloadFolder(folder, 'noop', { adapter: ADAPTER, plans: { full: { strategy: 'rerank', steps } } });
  return ['--models', models, '--workloads', workloads, '--policy', 'fixed', '--precision', 'fp32'];
}
