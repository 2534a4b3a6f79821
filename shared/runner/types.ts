import type { StageName } from '@tandem/schemas';
import type { Tenure } from '../log/tenure.ts';
import type { LogRecord, OutgoingRecord, TopicPartition } from '../log/types.ts';

export type { StageName } from '@tandem/schemas';

/** A record that a stage writes. */
export type StageOutput = OutgoingRecord;

/** What a stage can do beside returning its outputs. */
export interface StageContext {
  /**
   * Writes records on behalf of the stage; resolves when durable. For outputs that belong to several inputs (a join):
   * outputs of one record are better returned from `handle`.
   * @param tenure they are written only while it lasts: see `LogProducer.send`
   */
  publish(outputs: readonly StageOutput[], tenure?: Tenure): Promise<void>;
}

/** What a stage can do to its own inputs. */
export interface Intake {
  /** Stops delivery of these topics (full names) at once: no further record, also within this turn. Loses nothing. */
  pause(topics: readonly string[]): void;
  resume(topics: readonly string[]): void;
  /** Records of the topic, in partitions that are assigned here, that have not been delivered. */
  lag(topic: string): number;
}

/**
 * A stage is a function (record, context) → outputs. The runner owns consuming, acknowledging, batching of sends,
 * retries, dead letters and draining.
 *
 * The record is acknowledged when the outputs are durable. A thrown RecordError puts the record on the dead letters; so
 * does anything else that is not retryable, with code `internal`. A record whose error is retryable is tried a few times
 * at once, then goes to the stage's retry topic and is acknowledged, so that it blocks nothing; after growing delays it
 * is handled again, as if it came from its own place; in the end it is a dead letter. docs/dead-letters.md has the rest.
 */
export interface Stage {
  readonly name: StageName;
  /** One consumer group per input set. */
  readonly inputs: readonly StageInput[];
  handle(record: LogRecord, context: StageContext): readonly StageOutput[] | Promise<readonly StageOutput[]>;
  /**
   * Epoch ms by which the record is worthless. One that failed is not put off beyond it: it is retried here until then.
   * Asked only after a failure.
   */
  deadlineOf?(record: LogRecord): number | undefined;
  /** On whose retry topic a record of this topic is put off. @default the stage itself */
  retriesAs?(topic: string): StageName;
  /** First of all, for a stage that regulates what it takes in. */
  attach?(intake: Intake): void;
  /** Before consuming begins. */
  start?(context: StageContext): Promise<void>;
  /** @param tenureOf of a partition number, the one that runs when it is called; undefined where the records come from no group */
  onAssigned?(partitions: readonly TopicPartition[], tenureOf?: (partition: number) => Tenure): void;
  onRevoked?(partitions: readonly TopicPartition[]): void;
  /** Intake has stopped: finish or hand back what is pending. */
  drain?(): Promise<void>;
  /** Last: free resources. */
  stop?(): Promise<void>;
}

/** What a stage reads in one consumer group. */
export interface StageInput {
  /** Suffix of the consumer group's name. */
  group: string;
  topics: readonly string[];
  startFrom?: 'earliest' | 'latest';
  maxInFlight?: number;
  /** Also in a chain it keeps its group: the records may as well go to a process that runs the stage alone. @default false */
  ownGroup?: boolean;
  /** Stages whose retry topics are read with it. @default the stage itself */
  retriesOf?: readonly StageName[];
}
