import { existsSync } from 'node:fs';
import { loadWorkloads } from '@tandem/shared/config';
import { TandemError, messageOf } from '@tandem/shared/errors';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import type { Variant } from '@tandem/schemas';
import { checkAdapters, loadAdapters } from '../../compose/adapters.ts';
import { failed, ok, type Finding } from '../finding.ts';
import type { Check } from '../run-checks.ts';

const FOLDER = 'point --workloads at a folder of workload files (tandem init makes one)';
const SHAPE = 'edit that file; schemas/generated/workload.schema.json is its shape, docs/own-models.md an example';

/** Undefined: the registry cannot be read, which is another check's finding. */
async function stable(models: string): Promise<Variant[] | undefined> {
  return loadRegistry(models).then(stableVariants, () => undefined);
}

async function adaptersFinding(folder: string, workloads: Awaited<ReturnType<typeof loadWorkloads>>, variants: readonly Variant[]): Promise<Finding[]> {
  try {
    checkAdapters(workloads, variants, await loadAdapters(workloads, folder));
    return [];
  } catch (error) {
    return [failed(error instanceof TandemError ? error.code : 'adapter_invalid', messageOf(error), 'mend the adapter module or its name in workload and registry; docs/own-models.md has one')];
  }
}

export const workloadsCheck: Check = {
  name: 'workloads',
  async run({ settings: { models, workloads: folder } }) {
    const variants = await stable(models);
    try {
      const workloads = await loadWorkloads(folder, variants === undefined ? {} : { variants });
      const found = await adaptersFinding(folder, workloads, variants ?? []);
      return found.length > 0 ? found : [ok(`${workloads.map(({ name }) => name).join(', ')} (${folder})`)];
    } catch (error) {
      if (!(error instanceof TandemError) || error.code !== 'workloads_invalid') throw error;
      const mend = existsSync(folder) ? SHAPE : FOLDER;
      return error.message.split('\n').map((problem) => failed('workload_invalid', problem, mend));
    }
  },
};
