/** Topic `telemetry` (compacted, keyed by instance): heartbeats of 500 ms. */
export interface Heartbeat {
  kind: 'worker';
  instance: string;
  /** Epoch ms. */
  time: number;
  pool?: string;
  resources: ResourceSample;
  variants: VariantLoad[];
}

export interface VariantLoad {
  model: string;
  precision: string;
  version: string;
  /** Requests waiting, both lanes. */
  queued: number;
  /** Of the bulk lane: waiting here, and fetched or unfetched behind them in the log. Absent from older workers. */
  bulkBacklog?: number;
  /** Of `completed`: those of the bulk lane. Absent from older workers. */
  bulkCompleted?: number;
  /** open: taken out after repeated failures; half_open: being tried again. Absent (older workers): closed. */
  breaker?: 'closed' | 'open' | 'half_open';
  running: number;
  completed: number;
  failed: number;
  /** Mean of recent batches; 0 where there was none. */
  meanBatchSize: number;
  /** Recent mean time of one batch, ms. */
  meanBatchMs: number;
}

/**
 * Also on topic `telemetry`, keyed `erased/<user>`, by the classifier that read the erasure: workers forget what they keep of the
 * user, and keep nothing more of requests from before it.
 */
export interface ErasureNotice {
  kind: 'erasure';
  /** SHA-256 of the user id, hexadecimal. */
  user: string;
  /** The broker's append time of the erasure, epoch ms. */
  time: number;
}

/** What a machine or container has and uses now. Unknown values are absent, never invented. */
export interface ResourceSample {
  /** Epoch ms. */
  time: number;
  /** 0..1 over all cores available to the process (cgroup-aware). */
  cpuUse?: number;
  cpuCores: number;
  memoryBytes: number;
  memoryFreeBytes: number;
  accelerator?: AcceleratorSample;
}

/** The accelerator that a worker's models run on. */
export interface AcceleratorSample {
  name: string;
  /** 0..1: share of time in which it computed. Absent where the driver does not say (virtual and partitioned GPUs). */
  use?: number;
  memoryBytes: number;
  memoryFreeBytes: number;
}
