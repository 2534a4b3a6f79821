import type { StageTarget } from './schedule.ts';

export type DeliveryMode = 'at-least-once' | 'exactly-once';

export interface FaultRunOptions {
  mode: DeliveryMode;
  faults: number;
  requests: number;
  brokers: 1 | 3;
  seed: number;
  /** `kind` or `kind:target`; none: all. */
  kinds: readonly string[];
  /** Mean time between faults, ms. */
  spacingMs: number;
  /** How long requests are sent before the first fault, and after the last, ms. */
  leadMs: number;
  tailMs: number;
  /** A response later than this after its deadline is late, ms. */
  lateBoundMs: number;
  /** Of each stage. */
  instances: number;
  /** Stages that run chained, in the order of the flow; empty: none. */
  chain: readonly StageTarget[];
  /** Another checkout; the first instance of each stage runs from there. */
  old?: string | undefined;
  /** More flags for every stage. */
  stageFlags: readonly string[];
  /** Bound of the wait for answers after the load has ended, ms. */
  patienceMs: number;
  keepLogs: boolean;
}

/** The load lasts as long as the faults, so its rate follows from both. */
export function loadOf(options: Pick<FaultRunOptions, 'requests' | 'faults' | 'spacingMs' | 'leadMs' | 'tailMs'>): { durationMs: number; ratePerSecond: number } {
  const { requests, faults, spacingMs, leadMs, tailMs } = options;
  const durationMs = leadMs + faults * spacingMs + tailMs;
  return { durationMs, ratePerSecond: (requests * 1_000) / durationMs };
}
