import type { Variant } from '@tandem/schemas';
import { TandemError, messageOf } from '@tandem/shared/errors';
import { variantName } from '@tandem/shared/registry';
import type { WorkerStageOptions } from './options.ts';
import { decodingLoad } from './generate/decoders.ts';
import { heldPool, prefixesOf, prefixShare, sessionBytes, type PrefixOptions } from './load-prefixes.ts';
import { ServedVariant } from './served-variant.ts';

type Options = PrefixOptions & Pick<WorkerStageOptions, 'random' | 'decoding' | 'profiles'>;

/**
 * Loads what can be loaded, in the given order; the rest is refused with a warning that says why.
 * @throws {TandemError} `no_variant_loaded` where nothing is left
 */
export async function loadVariants(options: Options): Promise<ServedVariant[]> {
  const served: ServedVariant[] = [];
  for (const variant of options.variants) {
    const usedBytes = served.reduce((sum, { loaded }) => sum + loaded.memoryBytes, 0);
    try {
      served.push(await loadVariant(variant, usedBytes, options));
    } catch (error) {
      options.logger.warn({ err: error, variant: variantName(variant) }, `${variantName(variant)} is not served: ${messageOf(error)}`);
    }
  }
  if (served.length > 0) return served;
  const names = options.variants.map(variantName).join(', ') || 'none given';
  throw new TandemError(`no variant can be served (${names}); the warnings before this say why`, { code: 'no_variant_loaded' });
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
  return new ServedVariant(loaded, adapter, { random, prefixes: prefixesOf(loaded, adapter, options), profiled: profiled ?? [] });
}

function requireMemory(variant: Variant, usedBytes: number, { engine, memoryBudgetBytes = Infinity }: Options): void {
  const neededBytes = sessionBytes(variant, engine);
  if (usedBytes + neededBytes <= memoryBudgetBytes) return;
  throw new TandemError(
    `it needs ${neededBytes} bytes on ${engine.concurrency} threads beside ${usedBytes} in use; memoryBudgetBytes is ${memoryBudgetBytes}`,
    { code: 'memory_budget_exceeded' },
  );
}
