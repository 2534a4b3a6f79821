import type { Variant } from '@tandem/schemas';

/** Elements of a tensor, row-major; half precision as its bits, int64 as Int32Array (a run with larger numbers fails), BOOL as bytes of 0 and 1. */
export type TensorData = Float32Array | Int32Array | Uint16Array | Int8Array | Uint8Array;

/** Sizes of a graph's named dynamic dimensions for one call, for example { batch: 8, length: 64, candidates: 100 }. */
export type Dimensions = Readonly<Record<string, number>>;

/** A tensor in shared memory: valid until its invocation is released. */
export interface TensorView {
  dims: readonly number[];
  data: TensorData;
}

/**
 * Runs ONNX graphs off the main thread. Implementation: onnxruntime-node in worker threads over SharedArrayBuffers
 * (its session.run blocks the thread it is called on).
 */
export interface InferenceEngine extends AsyncDisposable {
  /** How many invocations run at once. */
  readonly concurrency: number;
  /** How many more, of those prepared through `LoadedVariant.background`. @default 0 */
  readonly backgroundConcurrency?: number;
  /**
   * Verifies hashes and tensors, loads every graph of the variant on every thread and warms it up.
   * @throws {TandemError} `model_missing`, `model_hash_mismatch`, `model_tensors_mismatch`, `model_load_failed`;
   * the message names the file and the reason
   */
  load(variant: Variant, options?: LoadOptions): Promise<LoadedVariant>;
  close(): Promise<void>;
}

/** What a variant keeps in memory beside its weights. */
export interface LoadOptions {
  /** Inputs that stay between calls, by name, with the sizes of their dynamic dimensions. @default none */
  held?: Readonly<Record<string, Dimensions>>;
}

/** A variant in memory, ready to run on every thread of its engine. */
export interface LoadedVariant {
  readonly variant: Variant;
  /** What really runs it, for example `cpu`; a fallback has been logged as a warning. */
  readonly provider: string;
  /** Of the model files times the threads that hold them: an estimate for budgets. */
  readonly memoryBytes: number;
  /**
   * The inputs that stay between calls: zeroed at first, preallocated, shared with every thread. Each call of each graph
   * that has such an input reads it where it lies, uncopied; only the owner writes, and nothing that a running call reads.
   * Absent: this engine keeps none.
   */
  readonly held?: Readonly<Record<string, TensorView>>;
  /**
   * Leases buffers for one call. `dimensions` must size every dynamic dimension of the graph's inputs, but for held ones.
   * Waits while all buffers are leased.
   */
  prepare(graph: string, dimensions: Dimensions): Promise<Invocation>;
  /**
   * The same on threads of their own that the operating system lets run only where nobody else wants the core; `computeMs` is CPU time then.
   * Absent: the engine has none.
   */
  readonly background?: Pick<LoadedVariant, 'prepare'>;
  unload(): Promise<void>;
}

/** One batch: fill the inputs, run, read the outputs, release. */
export interface Invocation {
  /** Zeroed views over shared memory, by input name, in row-major order of the graph's input shape. */
  readonly inputs: Readonly<Record<string, TensorView>>;
  /**
   * @throws {TandemError} `inference_failed` (the model on this input); retryable: `engine_thread_lost`,
   * `inference_out_of_memory`, `thread_hung` (no result within the bound; prepare another invocation for the next try)
   */
  run(): Promise<InvocationResult>;
  /** Returns the buffers; views must not be used afterwards. */
  release(): void;
}

/** Outputs of one run, in buffers that are used again after `release`, and how long it took (ms). */
export interface InvocationResult {
  /** Views over shared memory, valid until release. */
  outputs: Readonly<Record<string, TensorView>>;
  /** Inference alone, ms. */
  computeMs: number;
}
