import { dirname, join } from 'node:path';
import type { GraphSpec, Variant } from '@tandem/schemas';
import { TandemError, messageOf } from '../../errors/index.ts';
import { RegistryError, readVerifiedGraph, variantName } from '../../registry/index.ts';
import type { InferenceEngine, LoadedVariant, LoadOptions } from '../types.ts';
import { BufferPool } from './buffer-pool.ts';
import { allocateHeld, heldViews, withoutHeld, type HeldTensor } from './held-tensors.ts';
import { graphHandle, LoadedOnnxVariant, type GraphHandle } from './loaded-onnx-variant.ts';
import type { GraphReport } from './messages.ts';
import { compileOptions, type CompiledOptions, type OnnxEngineOptions } from './options.ts';
import { MAX_DIMENSIONS } from './slot-header.ts';
import { tensorDifference } from './tensor-check.ts';
import { ThreadPool } from './thread-pool.ts';

const CLOSE_GRACE_MS = 5_000;

/** The engine's operations beyond the port. */
export interface OnnxEngine extends InferenceEngine {
  /** Lets one inference thread finish its batch and puts another in its place. For native memory that grows. */
  recycleThread(index: number): Promise<void>;
  /** For tests of faults: the thread dies with the next batch that it takes. */
  loseThread(index: number): void;
}

/**
 * ONNX Runtime in worker threads over shared memory.
 *
 * Only the `cpu` provider has been run by this project's tests; others are passed through to ONNX Runtime as they
 * are configured, with a fallback to `cpu` that is logged.
 * @throws {TandemError} `invalid_options`
 */
export function createOnnxEngine(options: OnnxEngineOptions): OnnxEngine {
  return new ThreadedOnnxEngine(compileOptions(options));
}

class ThreadedOnnxEngine implements OnnxEngine {
  readonly concurrency: number;
  readonly backgroundConcurrency: number;
  readonly #options: CompiledOptions;
  readonly #threads: ThreadPool;
  readonly #buffers: BufferPool;
  #graphs = 0;
  #closing: Promise<void> | undefined;

  constructor(options: CompiledOptions) {
    this.concurrency = options.threads;
    this.backgroundConcurrency = options.backgroundThreads;
    this.#options = options;
    this.#threads = new ThreadPool(options);
    this.#buffers = new BufferPool(options.maxLeases, (slot) => this.#threads.addBuffer(slot));
  }

  async load(variant: Variant, options: LoadOptions = {}): Promise<LoadedVariant> {
    const held = allocateHeld(variant, options.held);
    const graphs = new Map<string, GraphHandle>();
    let provider = 'cpu';
    let bytes = 0;
    try {
      for (const [name, spec] of Object.entries(variant.graphs)) {
        const handle = graphHandle((this.#graphs += 1), withoutHeld(spec, held));
        ({ provider } = await this.#loadGraph(variant, spec, handle, held));
        graphs.set(name, handle);
        bytes += spec.bytes;
      }
    } catch (error) {
      for (const { id } of graphs.values()) this.#threads.unload(id);
      throw error;
    }
    const memoryBytes = bytes * (this.concurrency + this.backgroundConcurrency);
    return new LoadedOnnxVariant({ variant, provider, memoryBytes, graphs, hasBackground: this.backgroundConcurrency > 0, held: heldViews(held), buffers: this.#buffers, threads: this.#threads });
  }

  recycleThread(index: number): Promise<void> {
    return this.#threads.recycle(index);
  }

  loseThread(index: number): void {
    this.#threads.loseThread(index);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#buffers.rejectWaiting(new TandemError('the engine is closed', { code: 'engine_closed' }));
    await this.#threads.close(CLOSE_GRACE_MS);
  }

  async #loadGraph(variant: Variant, declared: GraphSpec, handle: GraphHandle, held: readonly HeldTensor[]): Promise<GraphReport> {
    const file = join(this.#options.modelsDirectory, handle.spec.file);
    if (handle.names.length > MAX_DIMENSIONS) {
      throw new RegistryError('model_tensors_mismatch', file, `has more than ${MAX_DIMENSIONS} dynamic dimensions`);
    }
    const bytes = await readVerifiedGraph(this.#options.modelsDirectory, handle.spec);
    const ofGraph = held.filter(({ name }) => name in declared.inputs);
    const report = await this.#open(variant, handle, ofGraph, bytes, file);
    const reason = tensorDifference(declared, report);
    if (reason === undefined && report.warmUpError === undefined) return this.#warnOfFallbacks(variant, report);
    this.#threads.unload(handle.id);
    if (reason !== undefined) throw new RegistryError('model_tensors_mismatch', file, reason);
    throw new RegistryError('model_load_failed', file, `its warm-up failed: ${report.warmUpError}`);
  }

  async #open(variant: Variant, { id, spec }: GraphHandle, held: readonly HeldTensor[], bytes: Uint8Array, file: string): Promise<GraphReport> {
    try {
      return await this.#threads.load({ id, spec, held, bytes, folder: dirname(file), warmUpSizes: this.#warmUpSizes(variant, spec, id) });
    } catch (error) {
      throw new RegistryError('model_load_failed', file, messageOf(error), error);
    }
  }

  /** A registry limit with a dimension's name gives its size; all inputs are zero. */
  #warmUpSizes(variant: Variant, spec: GraphSpec, id: number): number[] {
    const { names } = graphHandle(id, spec);
    return names.map((name) => variant.limits[name] ?? (name === 'batch' ? this.#options.warmUpBatchSize : 1));
  }

  #warnOfFallbacks(variant: Variant, report: GraphReport): GraphReport {
    for (const { provider, reason } of report.refused) {
      this.#options.logger.warn(
        { variant: variantName(variant), provider, reason, instead: report.provider },
        `execution provider ${provider} cannot run ${variantName(variant)} (${reason}); using ${report.provider}`,
      );
    }
    return report;
  }
}
