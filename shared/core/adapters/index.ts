import { TandemError } from '../../errors/index.ts';
import { classifyAdapter } from './classify.ts';
import { recommendAdapter } from './recommend/adapter.ts';
import type { Adapter } from './types.ts';

export type { Adapter, PrepareContext, Prepared, UserHistory } from './types.ts';
export { classifyAdapter } from './classify.ts';
export { recommendAdapter } from './recommend/adapter.ts';

export const builtInAdapters: readonly Adapter[] = [recommendAdapter, classifyAdapter];

/** @throws {TandemError} `unknown_adapter` */
export type AdapterLookup = (name: string) => Adapter;

/**
 * Finds adapters by the name that workloads and the registry use.
 * @param own adapters of the user, already loaded; they win over built-in ones of the same name
 */
export function adapterLookup(own: Iterable<readonly [name: string, adapter: Adapter]> = []): AdapterLookup {
  const adapters = new Map<string, Adapter>([...builtInAdapters.map((adapter) => [adapter.name, adapter] as const), ...own]);
  return (name) => {
    const adapter = adapters.get(name);
    if (adapter !== undefined) return adapter;
    const known = [...adapters.keys()].join(', ');
    throw new TandemError(`there is no adapter ${name}; there are ${known}, or give the path of a module`, { code: 'unknown_adapter' });
  };
}
