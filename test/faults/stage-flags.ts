import { join } from 'node:path';

/** Workloads whose deadlines outlive a fault, one without, one in order. */
export const WORKLOADS = join(import.meta.dirname, 'workloads');
export const PREFIX = 'tandem.';

/** One precision, so that answers do not depend on the load. */
const VARIANTS = ['recommend-small.fp32', 'recommend-large.fp32', 'digits-small.fp32', 'digits-large.fp32'];

/** What every stage under test is started with. */
export function stageFlags(kafka: readonly string[], redis: string, more: readonly string[]): string[] {
  return [
    '--kafka', kafka.join(','), '--redis', redis, '--prefix', PREFIX, '--workloads', WORKLOADS,
    '--policy', 'fixed', '--precision', 'fp32', '--variants', VARIANTS.join(','), '--threads', '1', ...more,
  ];
}
