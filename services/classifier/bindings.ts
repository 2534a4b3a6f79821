import type { Variant, Workload } from '@tandem/schemas';
import type { Adapter, WorkloadBinding } from '@tandem/shared/core';
import { TandemError } from '@tandem/shared/errors';

interface Parts {
  workloads: readonly Workload[];
  adapters: ReadonlyMap<string, Adapter>;
  variants: readonly Variant[];
}

/**
 * Joins each workload with its adapter and the stable variants of its models.
 * @throws {TandemError} `unknown_adapter`, `invalid_workload`
 */
export function bindWorkloads({ workloads, adapters, variants }: Parts): ReadonlyMap<string, WorkloadBinding> {
  return new Map(workloads.map((workload) => [workload.name, bind(workload, adapters, variants)]));
}

function bind(workload: Workload, adapters: ReadonlyMap<string, Adapter>, variants: readonly Variant[]): WorkloadBinding {
  const adapter = adapters.get(workload.adapter);
  if (adapter === undefined) {
    throw new TandemError(
      `workload ${workload.name} names the adapter ${workload.adapter}; there are ${[...adapters.keys()].join(', ')}`,
      { code: 'unknown_adapter' },
    );
  }
  const models = modelsOf(workload);
  if (models.size === 0) throw new TandemError(`workload ${workload.name} has no plans; give it at least one`, { code: 'invalid_workload' });
  return { workload, adapter, variants: variants.filter(({ model, status }) => status === 'stable' && models.has(model)) };
}

function modelsOf({ plans }: Workload): Set<string> {
  return new Set(Object.values(plans).flatMap(({ steps }) => steps.map(({ model }) => model)));
}
