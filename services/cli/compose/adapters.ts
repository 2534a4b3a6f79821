import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Variant, Workload } from '@tandem/schemas';
import { builtInAdapters, type Adapter } from '@tandem/shared/core';
import { TandemError, messageOf } from '@tandem/shared/errors';

/** A module of the user's own: exports `adapter`. */
async function importAdapter(path: string, workload: string): Promise<Adapter> {
  const module = (await import(pathToFileURL(path).href).catch((error: unknown) => {
    throw new TandemError(`workload ${workload}: adapter ${path} cannot be imported: ${messageOf(error)}`, { code: 'adapter_invalid', cause: error });
  })) as { adapter?: Adapter };
  if (typeof module.adapter?.prepare !== 'function') {
    throw new TandemError(`workload ${workload}: ${path} must export an object named "adapter" (see shared/core/adapters/types.ts)`, { code: 'adapter_invalid' });
  }
  return module.adapter;
}

/**
 * Adapters by the names that workload files and registries call them: the built-in ones, and modules of the user's,
 * which a workload names by a path relative to its folder and a registry by the adapter's own name.
 */
export async function loadAdapters(workloads: Iterable<Workload>, folder: string): Promise<Map<string, Adapter>> {
  const adapters = new Map<string, Adapter>(builtInAdapters);
  for (const { name, adapter } of workloads) {
    if (adapters.has(adapter)) continue;
    const own = await importAdapter(isAbsolute(adapter) ? adapter : join(folder, adapter), name);
    adapters.set(adapter, own);
    adapters.set(own.name, own);
  }
  return adapters;
}

/**
 * A workload's input is prepared by its adapter and turned into tensors by its models' adapter: they must be one.
 * @throws {TandemError} `adapter_mismatch`
 */
export function checkAdapters(workloads: Iterable<Workload>, variants: readonly Variant[], adapters: ReadonlyMap<string, Adapter>): void {
  for (const { name, adapter, plans } of workloads) {
    const models = new Set(Object.values(plans).flatMap(({ steps }) => steps.map(({ model }) => model)));
    const other = variants.find((variant) => models.has(variant.model) && adapters.get(variant.adapter) !== adapters.get(adapter));
    if (other === undefined) continue;
    const expected = adapters.get(adapter)?.name ?? adapter;
    const message = `workload ${name} uses the adapter ${adapter}, but the registry says that ${other.model}.${other.precision} uses ${other.adapter}; set "adapter": "${expected}" there`;
    throw new TandemError(message, { code: 'adapter_mismatch' });
  }
}
