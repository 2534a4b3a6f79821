import type { Clock, Random } from '../clock/index.ts';
import type { EventLog, LogProducer } from '../log/index.ts';
import type { Logger, Metrics, Tracing } from '../telemetry/index.ts';

/** What a stage runs on; what is left out has a default. */
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
  /** How often a record is tried in one go when its error is retryable, before it goes to the retry topic. @default 3 */
  maxAttempts?: number;
  /** How often a record is delivered, the first time included, before it becomes a dead letter. @default 5 */
  maxDeliveries?: number;
  /** First pause between attempts, doubled each time up to 5 s, with full jitter. @default 50 */
  retryBaseMs?: number;
  /** Between deliveries, for a record that has been delivered so often. @default 1 s, 5 s, 30 s, then 2 min, ± 25 % */
  retryDelayMs?: (deliveries: number, random: Random) => number;
  /** Bound of records of the retry topic that wait here until they are due; the rest waits in the log. @default 1000 */
  maxHeldRecords?: number;
  /** The same of their bytes. @default 33554432 */
  maxHeldBytes?: number;
  /** How long a stop waits for records in flight. @default 10000 */
  drainTimeoutMs?: number;
  /** @default 500 */
  commitIntervalMs?: number;
  /** Topics (full names) of which nothing is taken in at first: see `RunningStage.holdBack`. @default none */
  heldBack?: readonly string[];
  random?: Random;
}
