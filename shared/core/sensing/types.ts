import type { Variant, Workload } from '@tandem/schemas';
import type { Adapter } from '../adapters/types.ts';

/** Bounds of what strangers may write. */
export interface SensingLimits {
  /** Of a record's value. */
  maxBytes: number;
  /** Arrays and objects inside one another. */
  maxDepth: number;
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
