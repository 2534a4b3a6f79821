import type { Variant } from '@tandem/schemas';
import { TandemError, messageOf } from '@tandem/shared/errors';
import { variantName } from '@tandem/shared/registry';
import type { WorkerStageOptions } from './options.ts';
import { decodingLoad } from './generate/decoders.ts';
import { heldPool, prefixesOf, prefixShare, sessionBytes, type PrefixOptions } from './load-prefixes.ts';
import { ServedVariant } from './served-variant.ts';

type Options = PrefixOptions & Pick<WorkerStageOptions, 'random' | 'decoding' | 'profiles' | 'overcommit'>;

/**
 * Loads what can be loaded, in the given order; the rest is refused with a warning that says why.
 * @throws {TandemError} `no_variant_loaded` where nothing is left
 */
export async function loadVariants(options: Options): Promise<ServedVariant[]> {
  const served: ServedVariant[] = [];
  // Where not all fit the first ones stay, since they are loaded last.
  for (const variant of options.overcommit === true ? options.variants.toReversed() : options.variants) {
    try {
      if (options.overcommit === true) await makeRoom(variant, served, options);
      const usedBytes = served.reduce((sum, { loaded, isLoaded }) => sum + (isLoaded ? loaded.memoryBytes : 0), 0);
      served.push(await loadVariant(variant, usedBytes, options));
    } catch (error) {
      options.logger.warn({ err: error, variant: variantName(variant) }, `${variantName(variant)} is not served: ${messageOf(error)}`);
    }
  }
  if (served.length > 0) return options.overcommit === true ? served.toReversed() : served;
  const names = options.variants.map(variantName).join(', ') || 'none given';
  throw new TandemError(`no variant can be served (${names}); the warnings before this say why`, { code: 'no_variant_loaded' });
}

/** Each is loaded once, so that a broken one is refused at the start and all know what loading takes. */
async function makeRoom(variant: Variant, served: readonly ServedVariant[], { engine, memoryBudgetBytes = Infinity }: Options): Promise<void> {
  const neededBytes = sessionBytes(variant, engine);
  const there = served.filter(({ isLoaded, adapter, variant: one }) => isLoaded && adapter.decoding?.spec(one) === undefined);
  let usedBytes = served.reduce((sum, { loaded, isLoaded }) => sum + (isLoaded ? loaded.memoryBytes : 0), 0);
  for (const one of there) {
    if (usedBytes + neededBytes <= memoryBudgetBytes || neededBytes > memoryBudgetBytes) return;
    usedBytes -= one.loaded.memoryBytes;
    await one.putAway().unload();
  }
}

async function loadVariant(variant: Variant, usedBytes: number, options: Options): Promise<ServedVariant> {
  const { engine, adapters, random, profiles } = options;
  requireMemory(variant, usedBytes, options);
  const adapter = adapters.get(variant.adapter);
  if (adapter === undefined) {
    const known = [...adapters.keys()].join(', ');
    throw new TandemError(`the registry names its adapter ${variant.adapter}; there are ${known}`, { code: 'unknown_adapter' });
  }
  const decoding = decodingLoad(variant, adapter, options);
  const residentBefore = process.memoryUsage.rss();
  const startedAt = performance.now();
  const loaded = await engine.load(decoding?.variant ?? variant, decoding?.load ?? heldPool(adapter, variant, prefixShare(options)));
  const load = { loadMs: performance.now() - startedAt, residentBytes: Math.max(0, process.memoryUsage.rss() - residentBefore) };
  // A request of a decoder takes many batches.
  const profiled = decoding === undefined ? await profiles?.curveFor(loaded, load) : undefined;
  return new ServedVariant(loaded, adapter, { random, prefixes: prefixesOf(loaded, adapter, options), profiled: profiled ?? [], reloadMs: load.loadMs });
}

function requireMemory(variant: Variant, usedBytes: number, { engine, memoryBudgetBytes = Infinity }: Options): void {
  const neededBytes = sessionBytes(variant, engine);
  if (usedBytes + neededBytes <= memoryBudgetBytes) return;
  throw new TandemError(
    `it needs ${neededBytes} bytes on ${engine.concurrency + (engine.backgroundConcurrency ?? 0)} threads beside ${usedBytes} in use; memoryBudgetBytes is ${memoryBudgetBytes}`,
    { code: 'memory_budget_exceeded' },
  );
}
