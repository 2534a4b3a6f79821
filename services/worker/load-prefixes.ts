import type { Variant } from '@tandem/schemas';
import { PrefixCache, PrefixPool, type Adapter } from '@tandem/shared/core';
import type { InferenceEngine, LoadedVariant, LoadOptions } from '@tandem/shared/engine';
import { variantName } from '@tandem/shared/registry';
import { PREFIX_IDLE_MS, type WorkerStageOptions } from './options.ts';
import { UserPrefixes } from './user-prefixes.ts';

const CACHE_BYTES = 268_435_456;

export type PrefixOptions = Pick<
  WorkerStageOptions, 'variants' | 'engine' | 'adapters' | 'memoryBudgetBytes' | 'prefixCacheBytes' | 'prefixIdleMs' | 'clock' | 'logger' | 'observer'
>;

/**
 * What one variant's prefixes may take: those that can keep any share equally, since which precision a user gets may
 * change. Never what the sessions of any variant need.
 */
export function prefixShare({ variants, engine, adapters, memoryBudgetBytes = Infinity, prefixCacheBytes = CACHE_BYTES }: PrefixOptions): number {
  const sharing = variants.filter((variant) => adapters.get(variant.adapter)?.prefix?.pool(variant) !== undefined);
  const sessionsBytes = variants.reduce((sum, variant) => sum + sessionBytes(variant, engine), 0);
  const allBytes = Math.min(prefixCacheBytes, Math.max(0, memoryBudgetBytes - sessionsBytes));
  return sharing.length === 0 ? 0 : allBytes / sharing.length;
}

/** Of model files times inference threads. */
export function sessionBytes({ graphs }: Variant, { concurrency, backgroundConcurrency = 0 }: Pick<InferenceEngine, 'concurrency' | 'backgroundConcurrency'>): number {
  return (concurrency + backgroundConcurrency) * Object.values(graphs).reduce((sum, { bytes }) => sum + bytes, 0);
}

/** The memory that a variant needs for as many prefixes as fit; nothing where it can keep none. */
export function heldPool(adapter: Adapter, variant: Variant, bytes: number): LoadOptions {
  const spec = adapter.prefix?.pool(variant);
  const slots = spec === undefined ? 0 : Math.floor(bytes / spec.bytes);
  if (spec === undefined || slots < 1) return {};
  return { held: { [spec.input]: { [spec.slotDimension]: slots, [spec.positionDimension]: spec.positions } } };
}

/** Undefined: the variant keeps no prefixes. */
export function prefixesOf(loaded: LoadedVariant, adapter: Adapter, options: PrefixOptions): UserPrefixes | undefined {
  const { variant, held, provider } = loaded;
  const { clock, logger, observer, prefixIdleMs: idleMs = PREFIX_IDLE_MS } = options;
  const { prefix: support } = adapter;
  const memory = support === undefined ? undefined : held?.[support.pool(variant)?.input ?? ''];
  if (support === undefined || memory === undefined) return undefined;
  if (provider !== 'cpu') {
    // The pool would travel to the device with every call.
    logger.info({ variant: variantName(variant), provider }, 'user prefixes are kept on the CPU only; this variant goes without');
    return undefined;
  }
  const pool = new PrefixPool(memory);
  const { slots, positions } = pool;
  const cache = new PrefixCache({ slots, positions, idleMs });
  const name = variantName(variant);
  return new UserPrefixes({ variant, adapter, support, loaded, pool, cache, clock, logger, onUse: (use) => observer?.prefixes?.(name, use) });
}
