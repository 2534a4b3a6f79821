import type { Clock, Random } from '../clock/index.ts';
import type { EventLog, LogProducer } from '../log/index.ts';
import type { Logger, Metrics, Tracing } from '../telemetry/index.ts';

export interface RunnerOptions {
  log: EventLog;
  /** Of topics and consumer groups. */
  prefix: string;
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  tracing: Tracing;
  /** May be shared by the stages of a process: sends of one moment then travel together. The runner does not close it. */
  producer: LogProducer;
  /** How often a record is tried when its error is retryable. @default 8 */
  maxAttempts?: number;
  /** First pause between attempts, doubled each time up to 5 s, with full jitter. @default 50 */
  retryBaseMs?: number;
  /** How long a stop waits for records in flight. @default 10000 */
  drainTimeoutMs?: number;
  /** @default 500 */
  commitIntervalMs?: number;
  random?: Random;
}

export const RUNNER_DEFAULTS = {
  maxAttempts: 8,
  retryBaseMs: 50,
  drainTimeoutMs: 10_000,
  commitIntervalMs: 500,
} as const;
