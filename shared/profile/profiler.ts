import { performance } from 'node:perf_hooks';
import type { Variant } from '@tandem/schemas';
import type { InferenceEngine, LoadedVariant, LoadOptions } from '../engine/index.ts';
import { measureVariant, type MeasureOptions } from './measure.ts';
import { filesDigest } from './store.ts';
import type { StoredVariantProfile } from './types.ts';

/** Of a variant that is loaded already; how long that took is known to whoever did it. */
export interface LoadFacts {
  loadMs: number;
  residentBytes: number;
}

/** Times a variant that is loaded. */
export async function profileLoaded(loaded: LoadedVariant, load: LoadFacts, kind: 'full' | 'quick', options: MeasureOptions): Promise<StoredVariantProfile> {
  const { variant, provider, memoryBytes } = loaded;
  const { points, warmUpMs } = await measureVariant(loaded, options);
  const { model, precision, version } = variant;
  const facts = { loadMs: Math.round(load.loadMs), residentBytes: load.residentBytes, warmUpMs: Math.round(10 * warmUpMs) / 10 };
  return { model, precision, version, files: filesDigest(variant), provider, memoryBytes, ...facts, points, kind, madeAt: new Date().toISOString() };
}

/**
 * Loads a variant, times it and unloads it again.
 * @throws what the engine throws
 */
export async function profileVariant(engine: InferenceEngine, variant: Variant, held: LoadOptions, options: MeasureOptions): Promise<StoredVariantProfile> {
  const residentBefore = process.memoryUsage.rss();
  const startedAt = performance.now();
  const loaded = await engine.load(variant, held);
  const load = { loadMs: performance.now() - startedAt, residentBytes: Math.max(0, process.memoryUsage.rss() - residentBefore) };
  try {
    return await profileLoaded(loaded, load, 'full', options);
  } finally {
    await loaded.unload();
  }
}
