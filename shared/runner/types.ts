import type { LogRecord, OutgoingRecord, TopicPartition } from '../log/types.ts';

export type StageName = 'classifier' | 'scheduler' | 'worker' | 'fusion';

export type StageOutput = OutgoingRecord;

export interface StageContext {
  /**
   * Writes records on behalf of the stage; resolves when durable. For outputs that belong to several inputs (a join):
   * outputs of one record are better returned from `handle`.
   */
  publish(outputs: readonly StageOutput[]): Promise<void>;
}

/** What a stage can do to its own inputs. */
export interface Intake {
  /** Stops delivery of these topics (full names) at once: no further record, also within this turn. Loses nothing. */
  pause(topics: readonly string[]): void;
  resume(topics: readonly string[]): void;
}

/**
 * A stage is a function (record, context) → outputs. The runner owns consuming, acknowledging, batching of sends,
 * retries, dead letters and draining.
 *
 * The record is acknowledged when the outputs are durable. A thrown RecordError puts the record on the dead letters;
 * a retryable error is retried with backoff; anything else is a dead letter with code `internal`.
 */
export interface Stage {
  readonly name: StageName;
  /** One consumer group per input set. */
  readonly inputs: readonly StageInput[];
  handle(record: LogRecord, context: StageContext): readonly StageOutput[] | Promise<readonly StageOutput[]>;
  /** First of all, for a stage that regulates what it takes in. */
  attach?(intake: Intake): void;
  /** Before consuming begins. */
  start?(context: StageContext): Promise<void>;
  onAssigned?(partitions: readonly TopicPartition[]): void;
  onRevoked?(partitions: readonly TopicPartition[]): void;
  /** Intake has stopped: finish or hand back what is pending. */
  drain?(): Promise<void>;
  /** Last: free resources. */
  stop?(): Promise<void>;
}

export interface StageInput {
  /** Suffix of the consumer group's name. */
  group: string;
  topics: readonly string[];
  startFrom?: 'earliest' | 'latest';
  maxInFlight?: number;
}
