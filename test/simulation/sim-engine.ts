import type { InferenceEngine, Invocation, LoadedVariant } from '@tandem/shared/engine';
import type { Variant } from '@tandem/schemas';
import { TandemError } from '@tandem/shared/errors';
import type { SimProcess } from './sim-process.ts';

/** An input that the model fails on. */
export const POISON = 666;
/** One that ends the process. */
export const KILLER = 667;

/** What a variant makes of a number: distinct for every input and model, so that swapped answers show. */
export function answerOf(model: string, input: number): number {
  return input * 10 + (model === 'large' ? 1 : 2);
}

/** Inference in virtual time: takes as long as the lot says, loses threads now and then, fails on poison, and ends its process on a killer. */
export function simEngine(process: SimProcess, die: () => void): InferenceEngine {
  const close = async () => undefined;
  return {
    concurrency: 2, close, [Symbol.asyncDispose]: close,
    load: async (variant): Promise<LoadedVariant> => ({
      variant, provider: 'simulated', memoryBytes: 1, unload: close,
      prepare: async (_graph, { batch = 0 }) => invocation(process, variant, batch, die),
    }),
  };
}

function invocation(process: SimProcess, { model }: Variant, size: number, die: () => void): Invocation {
  const input = { dims: [size], data: new Int32Array(size) };
  return {
    inputs: { input },
    async run() {
      const computeMs = process.world.between(1, 40);
      await process.delay(computeMs, computeMs);
      if (input.data.includes(KILLER)) {
        die();
        await process.delay(0, 0);
      }
      if (process.world.chance(0.01)) throw new TandemError('lost', { code: 'engine_thread_lost', retryable: true });
      if (input.data.includes(POISON)) throw new TandemError('poison', { code: 'inference_failed' });
      return { outputs: { output: { dims: [size], data: input.data.map((value) => answerOf(model, value)) } }, computeMs };
    },
    release: () => undefined,
  };
}
