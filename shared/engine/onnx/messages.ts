import type { GraphSpec } from '@tandem/schemas';
import type { TensorData } from '../types.ts';
import type { HeldTensor } from './held-tensors.ts';
import type { GraphOptimization } from './options.ts';
import type { ProviderConfig } from './provider.ts';

/** What an inference thread is given when it starts. */
export interface ThreadData {
  /** Its place in the control block. */
  seat: number;
  seats: number;
  /** It gives way to whoever else wants its core. */
  background: boolean;
  control: SharedArrayBuffer;
  intraOpThreads: number;
  graphOptimization: GraphOptimization;
  spinning: boolean;
  providers: readonly ProviderConfig[];
}

export interface GraphToLoad {
  /** Unique in the engine. */
  id: number;
  /** Without the held inputs. */
  spec: GraphSpec;
  held: readonly HeldTensor[];
  bytes: Uint8Array;
  /** Where files lie that hold constants of the graph. */
  folder: string;
  /** Sizes of the graph's dynamic dimensions at warm-up, in their order. */
  warmUpSizes: readonly number[];
}

/** Main → thread. Running a slot needs none: the control block says it. */
export type ThreadCommand =
  | { kind: 'slot'; slot: number; version: number; buffer: SharedArrayBuffer }
  | { kind: 'load'; load: number; graph: GraphToLoad }
  | { kind: 'unload'; graph: number }
  | { kind: 'stop' }
  /** For tests of faults: the thread dies with the next slot that it takes. */
  | { kind: 'die' };

export interface TensorMetadata {
  name: string;
  type: string;
  shape: readonly (string | number)[];
}

export interface GraphReport {
  provider: string;
  /** Providers that were tried before it, and why they did not do. */
  refused: { provider: string; reason: string }[];
  inputs: TensorMetadata[];
  outputs: TensorMetadata[];
  /** Why the warm-up failed, where it did. */
  warmUpError?: string;
}

/** Outputs whose shapes only the model knows. */
export type CopiedOutputs = Record<string, { dims: readonly number[]; data: TensorData }>;

/** Thread → main. A bare number is a slot that has succeeded with all outputs in place. */
export type ThreadReport =
  | number
  | { kind: 'done'; slot: number; outputs: CopiedOutputs }
  | { kind: 'failed'; slot: number; reason: string; outOfMemory: boolean }
  | { kind: 'loaded'; load: number; report: GraphReport }
  | { kind: 'refused'; load: number; reason: string };
