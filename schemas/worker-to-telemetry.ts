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

/** What a machine or container has and uses now. Unknown values are absent, never invented. */
export interface ResourceSample {
  /** Epoch ms. */
  time: number;
  /** 0..1 over all cores available to the process (cgroup-aware). */
  cpuUse?: number;
  cpuCores: number;
  memoryBytes: number;
  memoryFreeBytes: number;
  accelerator?: { name: string; use: number; memoryBytes: number; memoryFreeBytes: number };
}
