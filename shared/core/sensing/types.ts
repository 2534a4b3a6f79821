import type { Variant, Workload } from '@tandem/schemas';
import type { Adapter } from '../adapters/types.ts';

/** Bounds of what strangers may write. */
export interface SensingLimits {
  /** Of a record's value. */
  maxBytes: number;
  /** Arrays and objects inside one another. */
  maxDepth: number;
  /** Fields of objects and items of arrays, in all. @default 100000 */
  maxFields?: number;
  /** Headers of a record. @default 64 */
  maxHeaders?: number;
  /** Names and values of a record’s headers, as characters: stages copy some of them to all that they write. @default 16384 */
  maxHeaderCharacters?: number;
}

/** A record as it lies in the log. */
export interface RawRecord {
  value: Uint8Array | null;
  headers: Readonly<Record<string, string>>;
}

/** What has to be readable of a request so that its sender is owed a response, whatever else is wrong with it. */
export interface RequestIdentity {
  requestId: string;
  /** Empty where it cannot be read. */
  workload: string;
  userId?: string;
  key?: string;
}

/** A workload with what serves it. */
export interface WorkloadBinding {
  workload: Workload;
  adapter: Adapter;
  /** Stable variants of the workload's models. */
  variants: readonly Variant[];
}
