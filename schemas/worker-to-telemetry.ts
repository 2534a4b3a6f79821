/** Topic `telemetry` (compacted, keyed by instance): heartbeats of 500 ms. */
export interface Heartbeat {
  kind: 'worker';
  instance: string;
  /** Epoch ms. */
  time: number;
  pool?: string;
  /** Batches that run at once on this worker. Absent from older workers. */
  sessions?: number;
  resources: ResourceSample;
  /** Empty while the worker is drained. */
  variants: VariantLoad[];
  /** An operator has drained it: it is alive and takes no work. Absent: it works. */
  drained?: true;
  /** No process is behind it: a supervisor starts one when there is work. Absent: it works. */
  asleep?: true;
}

/** What a worker says of one variant in its heartbeat: what waits, what runs, and how long batches take (ms). */
export interface VariantLoad {
  model: string;
  precision: string;
  version: string;
  /** Requests waiting, both lanes. */
  queued: number;
  /** Of `queued`: those of the bulk lane. Absent from older workers. */
  bulkQueued?: number;
  /** Of the bulk lane: waiting here, and fetched or unfetched behind them in the log. Absent from older workers. */
  bulkBacklog?: number;
  /** Of `completed`: those of the bulk lane. Absent from older workers. */
  bulkCompleted?: number;
  /** open: taken out after repeated failures; half_open: being tried again. Absent (older workers): closed. */
  breaker?: 'closed' | 'open' | 'half_open';
  running: number;
  /** Of the bulk lane, running on threads that give way to all others: not counted in `running`. Absent: bulk shares the threads. */
  bulkRunning?: number;
  completed: number;
  failed: number;
  /** Mean of recent batches; 0 where there was none. */
  meanBatchSize: number;
  /** Recent mean time of one batch, ms. */
  meanBatchMs: number;
  /**
   * What a batch takes by its size, over the mix that runs here now, ascending in size and time. From the profile of this hardware
   * where too few have been run. Absent: nothing is known.
   */
  batchTimes?: BatchTimePoint[];
  /** Recent mean from dispatch until a batch began, ms. Absent: none has run. */
  meanQueueMs?: number;
  /** Requests that went on from a cached user prefix, that built one, and that ran with the whole history. Absent: it keeps none. */
  prefixes?: { hits: number; misses: number; bypassed: number; /** What a request costs more that builds one, ms. Absent: not known. */ missMs?: number };
  /** What batches take now, of what they took when the profile was made. Absent: unknown. */
  drift?: number;
  /** The version that topic `models` wants and this worker could not take; `version` goes on. Absent: it serves what is wanted. */
  refused?: { version: string; reason: string };
  /** Interactive records of its topic that have not been delivered here. Absent from older workers. */
  unread?: number;
  /** Interactive steps so far whose deadline had passed before they could run. Absent from older workers. */
  expired?: number;
  /** Not in memory now: work for it waits until it is loaded, which takes about so long. Absent: it is loaded. */
  unloaded?: { reloadMs: number };
}

/** What batches of a size take. */
export interface BatchTimePoint {
  size: number;
  /** Mean and mean deviation together, ms. */
  ms: number;
  /** Batches that it rests on. */
  samples: number;
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

/**
 * Also on topic `telemetry`, keyed `scheduler/<instance>`, by schedulers: what they have decided so far, so that whoever scales
 * workers knows what never reached one. Not written while nothing is decided.
 */
export interface SchedulerReport {
  kind: 'scheduler';
  instance: string;
  /** Epoch ms. */
  time: number;
  /** Interactive steps that were given to workers. */
  dispatched: number;
  /** Interactive steps that were refused, since they would have been late, already were, or nobody served them. */
  refused: number;
  /** Steps of the bulk lane that were given to workers. */
  bulk: number;
  /** Steps that wait for a worker to come. */
  waiting: number;
}

/**
 * Also on topic `telemetry`, from workers without a shared cache, or while it is away; key `suspects/<instance>/<process>`: which work that its last
 * owner may have died of a worker runs now. What stands there when it dies is what it died with.
 */
export interface SuspectsNotice {
  kind: 'suspects';
  instance: string;
  /** By what is to be done: which run of it this is, from 1. */
  runs: Record<string, number>;
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
  /** What the processors take, of the whole machine. Absent where the system does not say. */
  powerWatts?: number;
  /** From a write to the log until it is acknowledged, ms: moving mean. */
  brokerMs?: number;
  /** Bytes a second through its interfaces, but for what stays on the machine. */
  network?: NetworkUse;
  accelerator?: AcceleratorSample;
}

export interface NetworkUse {
  receivedPerSecond: number;
  sentPerSecond: number;
}

/** The accelerator that a worker's models run on. */
export interface AcceleratorSample {
  name: string;
  /** 0..1: share of time in which it computed. Absent where the driver does not say (virtual and partitioned GPUs). */
  use?: number;
  memoryBytes: number;
  memoryFreeBytes: number;
  powerWatts?: number;
}
