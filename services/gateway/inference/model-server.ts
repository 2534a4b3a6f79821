import { createOnnxEngine, type InferenceEngine, type LoadedVariant } from '@tandem/shared/engine';
import type { TensorSpec, Variant } from '@tandem/schemas';
import type { Logger } from '@tandem/shared/telemetry';
import { TandemError, messageOf } from '@tandem/shared/errors';
import { Problem } from '../problems/problem.ts';
import type { InferRequest } from './infer-request.ts';
import type { ServedGraph } from './model-name.ts';
import { dimensionsOf, fill, type ReadTensor } from './read-tensors.ts';
import { checkOutputs, wantedOutputs, writeTensors, type WrittenTensors } from './write-tensors.ts';

/** Variants in memory at once; the one that was not used for longest makes room. */
const MOST_LOADED = 8;
/** Invocations that wait for a thread; more are refused. */
const MOST_WAITING = 64;
const MOST_ELEMENTS = 67_108_864;
/** Written as text at once: meanwhile nobody else is answered. */
const MOST_JSON_ELEMENTS = 1_048_576;

export interface ModelServerOptions {
  modelsDirectory: string;
  threads: number;
  logger: Logger;
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
  #waiting = 0;

  constructor(options: ModelServerOptions) {
    this.#engine = createOnnxEngine(options);
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

  /** @throws {Problem} `overload`, `invalid_tensor`, `step_failed`, `variant_unavailable` */
  async infer(served: ServedGraph, request: InferRequest, tensors: readonly ReadTensor[]): Promise<WrittenTensors> {
    checkOutputs(served.spec, request);
    const dimensions = dimensionsOf(tensors);
    checkSize(served, request, dimensions);
    if (this.#waiting >= MOST_WAITING) throw new Problem('overload', { detail: `${this.#waiting} inferences wait here already.`, retryAfterSeconds: 1 });
    this.#waiting += 1;
    try {
      return await this.#run(served, request, tensors, dimensions);
    } finally {
      this.#waiting -= 1;
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

/** Outputs have the inputs' dimensions: their size is known before anything is reserved. */
function checkSize({ spec }: ServedGraph, request: InferRequest, dimensions: Readonly<Record<string, number>>): void {
  const elements = elementsOf([...Object.values(spec.inputs), ...Object.values(spec.outputs)], dimensions);
  const asJson = elementsOf(wantedOutputs(spec, request).flatMap(({ name, isBinary }) => (isBinary ? [] : (spec.outputs[name] ?? []))), dimensions);
  if (Object.values(dimensions).some((size) => size < 1)) throw new Problem('invalid_tensor', { detail: 'Every dimension is at least 1.' });
  if (elements > MOST_ELEMENTS) throw new Problem('too_large', { detail: `Inputs and outputs of this shape have ${elements} elements; at most ${MOST_ELEMENTS} are taken.` });
  if (asJson > MOST_JSON_ELEMENTS) throw new Problem('too_large', { detail: `Outputs of this shape have ${asJson} elements, and JSON takes ${MOST_JSON_ELEMENTS}: ask for binary data (binary_data_output).` });
}

function elementsOf(tensors: readonly TensorSpec[], dimensions: Readonly<Record<string, number>>): number {
  return tensors
    .map(({ shape }) => shape.reduce<number>((product, size) => product * (typeof size === 'number' ? size : (dimensions[size] ?? 1)), 1))
    .reduce((sum, size) => sum + size, 0);
}
