import { availableParallelism, totalmem } from 'node:os';
import type { Variant } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import { createOnnxEngine, parseProvider, type InferenceEngine } from '@tandem/shared/engine';
import { TandemError } from '@tandem/shared/errors';
import { MEBIBYTE } from '@tandem/shared/units';
import { sessionBytes } from '@tandem/worker';
import type { Ports } from './ports.ts';

/**
 * Model files times inference threads may take so much.
 * @param limitBytes - what the process may have of the machine's memory, as a container is limited; 0: nobody knows
 */
export function memoryBudgetBytes({ memoryBudgetMb }: Pick<Settings, 'memoryBudgetMb'>, limitBytes = process.constrainedMemory()): number {
  if (memoryBudgetMb !== undefined) return memoryBudgetMb * MEBIBYTE;
  return Math.min(totalmem(), limitBytes === 0 ? Infinity : limitBytes) / 2;
}

/** What runs the variants of a worker. */
export function engineOf(settings: Settings, variants: readonly Variant[], { logger, metrics, unfit }: Pick<Ports, 'logger' | 'metrics' | 'unfit'>): InferenceEngine {
  const { models, threads = availableParallelism(), intraOpThreads, intraOpSpinning, graphOptimization, providers, runTimeoutMs } = settings;
  return createOnnxEngine({
    modelsDirectory: models, threads, backgroundThreads: bulkThreads(settings, threads, variants),
    intraOpThreads, spinning: intraOpSpinning, graphOptimization, providers: providers.map(parseProvider), runTimeoutMs, logger,
    onAbandoned: (count) => metrics.abandonedThreads.set(count),
    onExhausted: () => unfit.resolve(new TandemError('the inference threads hang; a new process is needed', { code: 'engine_exhausted' })),
  });
}

/** Bulk has threads of its own where nothing has to be left out for them. */
function bulkThreads(settings: Settings, threads: number, variants: readonly Variant[]): number {
  if (settings.bulkThreads !== undefined) return settings.bulkThreads;
  const bytes = variants.reduce((sum, variant) => sum + sessionBytes(variant, { concurrency: threads, backgroundConcurrency: threads }), 0);
  return !settings.overcommit && bytes <= memoryBudgetBytes(settings) ? threads : 0;
}
