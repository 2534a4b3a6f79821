import { classifyAdapter } from './classify.ts';
import { generateAdapter } from './generate/adapter.ts';
import { recommendAdapter } from './recommend/adapter.ts';
import type { Adapter } from './types.ts';

export { classifyAdapter } from './classify.ts';
export { recommendAdapter } from './recommend/adapter.ts';

/** By the name that workloads and the registry use. A user's own adapters are loaded by the composition root. */
export const builtInAdapters: ReadonlyMap<string, Adapter> = new Map(
  [recommendAdapter, generateAdapter, classifyAdapter].map((adapter) => [adapter.name, adapter]),
);
