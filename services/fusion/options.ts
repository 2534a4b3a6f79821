import type { Response, ShadowOutcome, Task, Variant } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import { answerMarginMs, type Adapter } from '@tandem/shared/core';
import type { EventLog } from '@tandem/shared/log';
import { silentLogger, type Logger } from '@tandem/shared/telemetry';

export interface FusionOptions {
  prefix: string;
  /** The adapter of a workload; undefined where the workload is not known here. */
  adapterOf: (workload: string) => Adapter | undefined;
  /** Whether a workload's responses come in the order of their key's requests. @default no workload's do */
  isOrdered?: (workload: string) => boolean;
  variants: readonly Variant[];
  clock: Clock;
  /** What is answered is read from the responses. */
  log: Pick<EventLog, 'read' | 'now' | 'exclusiveWriter'>;
  logger?: Logger;
  observer?: FusionObserver;
  /** exactly-once: for consumers of the responses that read committed records only. @default 'at-least-once' */
  delivery?: 'at-least-once' | 'exactly-once';
  /** Exactly once: the least time between two transactions of a partition. @default 50 */
  transactionIntervalMs?: number;
  /** Answers are made this long before the deadline, so that they arrive by it. @default 5, exactly once 25 + the interval */
  deadlineMarginMs?: number;
  /** A request id that was answered so long ago gets no second answer, even if its sender uses it again. @default 600000 */
  answeredWindowMs?: number;
  /** Upper bound of remembered ids, of all partitions; more are looked up. About 30 bytes each. @default 2000000 */
  answeredMaxEntries?: number;
  /** Requests (and outcomes) waiting at once. @default 50000 */
  maxInFlight?: number;
}

export type ResolvedFusionOptions = Required<FusionOptions>;

export interface FusionObserver {
  /** Final responses only. @param task undefined: the request never became one */
  responded(response: Response, task?: Task): void;
  /** What an arm that answers nobody made of a request that is answered. */
  shadowed?(outcome: ShadowOutcome): void;
  provisional(workload: string): void;
  latePart(): void;
}

const SILENT: FusionObserver = { responded: () => undefined, provisional: () => undefined, latePart: () => undefined };

export function resolveFusionOptions(options: FusionOptions): ResolvedFusionOptions {
  const { delivery = 'at-least-once', transactionIntervalMs = 50 } = options;
  return {
    isOrdered: () => false,
    logger: silentLogger,
    observer: SILENT,
    deadlineMarginMs: answerMarginMs({ delivery, transactionIntervalMs }),
    answeredWindowMs: 600_000,
    answeredMaxEntries: 2_000_000,
    maxInFlight: 50_000,
    ...options,
    delivery,
    transactionIntervalMs,
  };
}
