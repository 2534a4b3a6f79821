import type { Cancel, Cancellation } from '@tandem/schemas';
import { RecordError } from '../../errors/index.ts';
import { affinityKey } from './identity.ts';
import type { WorkloadBinding } from './types.ts';

/**
 * Makes a cancel self-contained; its key is that of the request that it takes back.
 * @param arrivedAt epoch ms
 * @throws {RecordError} `unknown_workload`
 */
export function buildCancellation(
  cancel: Cancel,
  bindings: ReadonlyMap<string, WorkloadBinding>,
  { arrivedAt, source }: { arrivedAt: number; source: string },
): Cancellation {
  const { requestId, workload, userId } = cancel;
  if (!bindings.has(workload)) {
    throw new RecordError('unknown_workload', `cancel: there is no workload ${workload}; there are ${[...bindings.keys()].join(', ')}`);
  }
  return { cancel: true, requestId, workload, key: affinityKey(cancel), ...(userId === undefined ? {} : { userId }), arrivedAt, source };
}
