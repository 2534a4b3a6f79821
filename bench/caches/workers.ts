import { fileURLToPath } from 'node:url';
import type { RankedItems, Variant, Workload } from '@tandem/schemas';
import { createMemoryCache, type Cache } from '@tandem/shared/cache';
import { systemClock } from '@tandem/shared/clock';
import { recommendAdapter, type Adapter } from '@tandem/shared/core';
import { createOnnxEngine, type InferenceEngine } from '@tandem/shared/engine';
import { loadRegistry, variantName } from '@tandem/shared/registry';
import type { Stage } from '@tandem/shared/runner';
import { silentLogger } from '@tandem/shared/telemetry';
import { createWorkerStage, type WorkerStageOptions } from '@tandem/worker';

const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));
const WORKLOAD = 'bench';

/** A worker, and what it has done. */
export interface BenchWorker {
  stage: Stage;
  variant: Variant;
  workload: string;
  hits: number;
  /** Of all batches. */
  computeMs: number;
  stop(): Promise<void>;
}

/** @param resultCacheBytes kept in the worker itself */
async function worker(variant: Variant, adapter: Adapter, engine: InferenceEngine, freshness: Workload['freshness'], cache: Cache = createMemoryCache({ maxEntries: 1_000 }), resultCacheBytes?: number): Promise<BenchWorker> {
  const counts: Omit<BenchWorker, 'stage' | 'variant' | 'workload' | 'stop'> = { hits: 0, computeMs: 0 };
  const options: WorkerStageOptions = {
    prefix: 'bench.', instance: 'bench', variants: [variant], adapters: new Map([[variant.adapter, adapter]]), engine, cache, clock: systemClock, logger: silentLogger,
    workloads: [{ name: WORKLOAD, freshness } as Workload],
    ...(resultCacheBytes === undefined ? {} : { resultCacheBytes }),
    probe: { sample: async () => ({ time: 0, cpuCores: 1, memoryBytes: 1, memoryFreeBytes: 1 }) },
    log: { now: () => Date.now(), tail: async () => ({ caughtUp: Promise.resolve(), close: async () => undefined }) },
    observer: {
      reuse: (kind) => (kind === 'miss' ? undefined : void (counts.hits += 1)),
      batch: (_variant, _size, _queueMs, computeMs) => void (counts.computeMs += computeMs),
    },
  };
  const stage = await createWorkerStage(options);
  return Object.assign(counts, { stage, variant, workload: WORKLOAD, stop: async () => stage.stop?.() });
}

/** With a shipped model. */
export async function largeWorker(name: string, freshness: Workload['freshness'], cache?: Cache, resultCacheBytes?: number): Promise<BenchWorker> {
  const { variants } = await loadRegistry(MODELS);
  const variant = variants.find((one) => variantName(one) === name);
  if (variant === undefined) throw new Error(`there is no variant ${name}; there are ${variants.map(variantName).join(', ')}`);
  return worker(variant, recommendAdapter, createOnnxEngine({ modelsDirectory: MODELS, threads: 1 }), freshness, cache, resultCacheBytes);
}

const RESULT: RankedItems = { items: Array.from({ length: 10 }, (_, index) => index + 1), scores: Array.from({ length: 10 }, (_, index) => 1 / (index + 3)) };

/** Computes nothing: what remains is what the worker itself costs. */
export async function emptyWorker(freshness: Workload['freshness'], cache?: Cache): Promise<BenchWorker> {
  const { variants: [first] } = await loadRegistry(MODELS);
  const adapter: Adapter = {
    ...recommendAdapter, shape: () => ({ graph: 'none', length: 1 }), dimensions: (_graph, batch) => ({ batch: batch.length }), encode: () => undefined,
    decode: (_graph, batch) => batch.map(() => RESULT),
  };
  const close = async () => undefined;
  const engine: InferenceEngine = {
    concurrency: 1, close, [Symbol.asyncDispose]: close,
    load: async (variant) => ({
      variant, provider: 'none', memoryBytes: 1, unload: close,
      // As if a request took 1 ms, so that the shared cache is worth asking.
      prepare: async (_graph, { batch = 1 }) => ({ inputs: {}, run: async () => ({ outputs: {}, computeMs: batch }), release: () => undefined }),
    }),
  };
  return worker(first!, adapter, engine, freshness, cache);
}
