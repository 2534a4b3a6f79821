import { createOnnxEngine, type InferenceEngine, type LoadedVariant } from '@tandem/shared/engine';
import type { Variant } from '@tandem/schemas';
import type { Logger } from '@tandem/shared/telemetry';
import { TandemError, messageOf } from '@tandem/shared/errors';
import { Problem } from '../problems/problem.ts';
import type { FairShare } from '../limits/fair-share.ts';
import { checkSizes, type TensorBounds } from './check-sizes.ts';
import type { InferRequest } from './infer-request.ts';
import type { ServedGraph } from './model-name.ts';
import { dimensionsOf, fill, type ReadTensor } from './read-tensors.ts';
import { checkOutputs, writeTensors, type WrittenTensors } from './write-tensors.ts';

/** Variants in memory at once; the one that was not used for longest makes room. */
const MOST_LOADED = 8;

export interface ModelServerOptions {
  modelsDirectory: string;
  threads: number;
  logger: Logger;
  /** Invocations that wait or run; more are refused. */
  share: FairShare;
  bounds: TensorBounds;
}

export interface Statistics {
  succeeded: number;
  failed: number;
  computeMs: number;
  lastAt: number;
}

/**
 * Registered models in this process, on threads of its own: loaded when first asked for, by the same engine, files and hashes as the workers'.
 * What is computed here takes nothing from the flow's queues and batches.
 */
export class ModelServer {
  readonly #engine: InferenceEngine;
  /** By `model.precision`, least recently used first. */
  readonly #loaded = new Map<string, Promise<LoadedVariant>>();
  readonly #statistics = new Map<string, Statistics>();
  readonly #share: FairShare;
  readonly #bounds: TensorBounds;

  constructor({ share, bounds, ...options }: ModelServerOptions) {
    this.#engine = createOnnxEngine(options);
    this.#share = share;
    this.#bounds = bounds;
  }

  statisticsOf(name: string): Statistics {
    return this.#statistics.get(name) ?? { succeeded: 0, failed: 0, computeMs: 0, lastAt: 0 };
  }

  /** @throws {Problem} `variant_unavailable`: its files cannot be loaded */
  async load(variant: Variant): Promise<LoadedVariant> {
    const name = `${variant.model}.${variant.precision}`;
    const loading = this.#loaded.get(name) ?? this.#engine.load(variant);
    this.#loaded.delete(name);
    this.#loaded.set(name, loading);
    try {
      const loaded = await loading;
      this.#makeRoom();
      return loaded;
    } catch (error) {
      if (this.#loaded.get(name) === loading) this.#loaded.delete(name);
      throw new Problem('variant_unavailable', { detail: `${name} cannot be loaded: ${error instanceof TandemError ? error.code : 'internal'}. The gateway’s log says why.` });
    }
  }

  /** @throws {Problem} `overload`, `invalid_tensor`, `too_large`, `step_failed`, `variant_unavailable` */
  async infer(served: ServedGraph, request: InferRequest, tensors: readonly ReadTensor[], tenant: string | undefined): Promise<WrittenTensors> {
    checkOutputs(served.spec, request);
    const dimensions = dimensionsOf(tensors);
    checkSizes(served, request, dimensions, this.#bounds);
    const hold = this.#share.take(tenant);
    if (hold === undefined) throw new Problem('overload', { detail: `${this.#share.used} inferences wait here already.`, retryAfterSeconds: 1 });
    try {
      return await this.#run(served, request, tensors, dimensions);
    } finally {
      hold.release();
    }
  }

  async close(): Promise<void> {
    await this.#engine.close();
  }

  async #run({ variant, graph, spec, name }: ServedGraph, request: InferRequest, tensors: readonly ReadTensor[], dimensions: Record<string, number>): Promise<WrittenTensors> {
    const loaded = await this.load(variant);
    const invocation = await loaded.prepare(graph, dimensions);
    const statistics = this.statisticsOf(name);
    this.#statistics.set(name, statistics);
    try {
      for (const tensor of tensors) {
        const view = invocation.inputs[tensor.name];
        if (view !== undefined) fill(tensor, view.data);
      }
      const { outputs, computeMs } = await invocation.run();
      statistics.succeeded += 1;
      statistics.computeMs += computeMs;
      statistics.lastAt = Date.now();
      return writeTensors(spec, request, outputs);
    } catch (error) {
      statistics.failed += 1;
      if (error instanceof TandemError) throw new Problem(error.retryable ? 'variant_unavailable' : 'step_failed', { detail: `The model failed on this input: ${messageOf(error).slice(0, 500)}` });
      throw error;
    } finally {
      invocation.release();
    }
  }

  #makeRoom(): void {
    const [oldest] = this.#loaded;
    if (oldest === undefined || this.#loaded.size <= MOST_LOADED) return;
    const [name, loading] = oldest;
    this.#loaded.delete(name);
    void loading.then((loaded) => loaded.unload(), () => undefined);
  }
}
