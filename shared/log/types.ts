import type { TopicSpec } from '@tandem/schemas';
import type { Tenure } from './tenure.ts';

/** Text by name; names are those of `HEADER` in the schemas. */
export type Headers = Readonly<Record<string, string>>;

/** One partition of a topic. */
export interface TopicPartition {
  topic: string;
  partition: number;
}

/** A record as it lies in the log. */
export interface LogRecord extends TopicPartition {
  /** Below 2^53. */
  offset: number;
  /** Decoded as UTF-8. */
  key: string | null;
  /** The raw bytes; null is a tombstone. */
  value: Buffer | null;
  headers: Headers;
  /** Epoch ms: the broker's append time where the topic stamps it, else the producer's. */
  timestamp: number;
}

/** A record to be written. `murmur2(key) mod partitions` chooses the partition unless it is given (`EventLog.keepPartitions`: of how many). */
export interface OutgoingRecord {
  topic: string;
  key: string | null;
  value: string | Buffer | null;
  headers?: Headers;
  partition?: number;
  /** Epoch ms; ignored by topics that stamp append time. @default now */
  timestamp?: number;
}

/** By topic, how many of its partitions keys are spread over, also where it has more. */
export type AgreedPartitions = ReadonlyMap<string, number>;

/**
 * A partitioned, replayable log. Implementations: Kafka through kafkajs; embedded (one process, not durable).
 * Both pass the conformance suite in test/conformance/event-log.ts, which is the precise meaning of this file.
 */
export interface EventLog extends AsyncDisposable {
  /** False: what is in the log is gone with the process. */
  readonly durable: boolean;
  /** Shown to people, for example `kafka 127.0.0.1:9092` or `embedded`. */
  readonly description: string;
  readonly admin: LogAdmin;
  producer(options?: Partial<ProducerOptions>): Promise<LogProducer>;
  /** Joins the group when started. */
  consumer(options: ConsumerOptions): LogConsumer;
  /** Reads all partitions of a topic, from the start unless told otherwise, and follows it; no group, no commits. */
  tail(options: TailOptions): Promise<Tail>;
  /**
   * Reads a range of one partition, in offset order, without a group; only records of committed transactions. Ends at
   * `to`, or with what was in the partition at the time of the call. Waits out a broker that is away.
   * @throws {TandemError} `unknown_topic`, `log_closed`; `log_behind` (the broker that leads the partition, or says so, knows
   *   nothing of the barrier: it is out of date, or the topic was made anew. Take a new barrier, and read again)
   */
  read(options: ReadOptions): AsyncIterable<readonly LogRecord[]>;
  /**
   * The one writer of that name in the whole cluster: opening it settles what an earlier one left unfinished (committed
   * or aborted, never both) and fences it, so that nothing it still tries can be written. What is read after this
   * resolves is all that earlier ones have ever written.
   * @throws {TandemError} `kafka_unreachable`
   */
  exclusiveWriter(name: string): Promise<ExclusiveWriter>;
  /**
   * From now on keys of these topics are spread over so many partitions, whatever is added to them: for topics that are joined by partition, whose
   * writers and readers agreed on their number when they started.
   */
  keepPartitions(counts: AgreedPartitions): void;
  /** Epoch ms by the log's own clock (the broker's), as far as acknowledged writes have told it; else the machine's. */
  now(): number;
  /** From a write until it is acknowledged, ms: moving mean. Undefined: not known, as where nothing was written for 5 s, or where there is no broker. */
  roundTripMs(): number | undefined;
  /** Closes what it opened that is still open. */
  close(): Promise<void>;
}

/** When sends go out, and how much may be on its way. */
export interface ProducerOptions {
  /** While one send follows the other, each waits this long for company, ms. @default 0 (until the current turn of the event loop ends) */
  lingerMs: number;
  /** Upper bound of one produce request's records, bytes. @default 524288 */
  maxBatchBytes: number;
  /** `send` waits while this many bytes are unacknowledged. @default 33554432 */
  maxPendingBytes: number;
}

/** Writes records, in batches of its own making. */
export interface LogProducer {
  /**
   * Resolves when all records are durable (acknowledged by all in-sync replicas). Records of one partition keep
   * their order across calls. Retries transient failures without end, with backoff, until closed.
   * @param tenure what they are written on the strength of: while it is doubtful they wait, also if they have waited for
   *   something else before; once it is over they are not written (any more)
   * @throws {TandemError} `record_too_large` (the others of the call are still written), `producer_closed`, `unknown_topic`, `tenure_over`
   */
  send(records: readonly OutgoingRecord[], tenure?: Tenure): Promise<void>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Writes batches of records atomically. Not for concurrent use: a write begins when the one before it has ended. */
export interface ExclusiveWriter {
  /**
   * All or nothing; resolves when committed.
   * @throws {TandemError} `writer_fenced` (another has been opened by that name: nothing was written);
   *   `record_too_large`, `record_refused` (nothing was written, writing others goes on); `write_uncertain`
   *   (retryable: open a new writer and read, to see whether it was written)
   */
  write(records: readonly OutgoingRecord[]): Promise<void>;
  /**
   * An offset that lies behind every record that the partition has, and that its replicas have vouched for: a broker that
   * knows of less is out of date. It costs a round trip or two, and what it takes up in the log no committed reader sees.
   * @throws {TandemError} as `write`; `unknown_topic`, `unknown_partition`
   */
  barrier(place: TopicPartition): Promise<number>;
  close(): Promise<void>;
}

/** Which range of a partition is read, without a group. */
export interface ReadOptions extends TopicPartition {
  /** The first offset, or the first record appended at or after a time (epoch ms). @default the earliest there is */
  from?: { offset: number } | { timestamp: number };
  /** Exclusive. @default the end at the time of the call */
  to?: number;
  /** In place of `to`: read exactly as far as an `ExclusiveWriter.barrier`, not as far as a broker that is out of date knows. */
  barrier?: number;
  /** Ends the read, without an error. */
  signal?: AbortSignal;
}

/** What a member of a consumer group reads, and how much of it at once. */
export interface ConsumerOptions {
  groupId: string;
  /** Same partition counts: the assignor keeps equal partition numbers of all topics on one member, and is sticky. */
  topics: readonly string[];
  /** Where a group without committed offsets starts. @default 'earliest' */
  startFrom?: 'earliest' | 'latest';
  /**
   * Delivered but not acknowledged, per topic; beyond it the topic's delivery waits and its partitions are paused,
   * while other topics go on (a join must be able to receive the part that frees the others). @default 10000
   */
  maxInFlight?: number;
  /** Bound of fetched but not yet delivered bytes, per partition. @default 1048576 */
  maxFetchBytesPerPartition?: number;
  /** How often watermarks are committed, also on revoke and close. @default 500 */
  commitIntervalMs?: number;
  /**
   * Is waited for before watermarks are committed, once they are settled: what has to have left this process before its
   * records count as done. Must not reject, or take long. A log that is not durable has no need of it.
   */
  beforeCommit?(): Promise<void>;
  /** Called synchronously, in offset order inside a partition; records of several partitions by timestamp. Must not throw. */
  onRecord(delivery: Delivery): void;
  /** The group has been joined, for the first time or anew, whatever became of the partitions. */
  onJoined?(): void;
  onAssigned?(partitions: readonly TopicPartition[]): void;
  /** Partitions that went to another member. Their unacknowledged records will be delivered there; acknowledging them here has no effect. */
  onRevoked?(partitions: readonly TopicPartition[]): void;
  /** The consumer failed and restarts by itself with backoff; for logs and metrics. */
  onFault?(error: unknown): void;
}

/** A record that is to be acknowledged. */
export interface Delivery {
  readonly record: LogRecord;
  /** True while the record's partition has been ours without a break since delivery. */
  readonly owned: boolean;
  /** Marks the record done; out of order is fine. The committed offset is the watermark of the contiguous prefix. */
  ack(): void;
}

/** A member of a consumer group. */
export interface LogConsumer {
  /** Resolves when the group has been joined and partitions (perhaps none) are assigned. */
  start(): Promise<void>;
  readonly assignment: readonly TopicPartition[];
  /** That which runs of a partition number, of all topics; one that is not assigned has one that is over. */
  tenure(partition: number): Tenure;
  /** Delivered, not acknowledged. */
  readonly inFlight: number;
  /**
   * Pauses delivery of topics (all where none are named) at once; fetching goes on up to `maxFetchBytesPerPartition`.
   * Survives rebalances; loses nothing; cheap enough to be done many times a second.
   */
  pause(topics?: readonly string[]): void;
  resume(topics?: readonly string[]): void;
  /** Commits the watermarks now. */
  commit(): Promise<void>;
  /** Records of the assigned partitions (of this topic, where one is named) not yet delivered, as of the last fetch. */
  lag(topic?: string): number;
  /** No further deliveries; delivered records can still be acknowledged. Keeps its membership until closed. */
  stopDelivering(): void;
  /** Commits, leaves the group, closes. Unacknowledged records are redelivered to others. */
  close(): Promise<void>;
}

/** What is followed, and who is told. */
export interface TailOptions {
  topic: string;
  /** latest: what is written from now on. @default 'earliest' */
  startFrom?: 'earliest' | 'latest';
  /** @default all of them, also those that are added later */
  partitions?: readonly number[];
  onRecord(record: LogRecord): void;
  onFault?(error: unknown): void;
}

/** Follows a topic without a group, such as a compacted one. */
export interface Tail {
  /** Resolves when everything that was in the topic at the time of the call to `tail` has been delivered. */
  readonly caughtUp: Promise<void>;
  close(): Promise<void>;
}

/** A setting of a topic that is not as it was specified. */
export type TopicDifference = { topic: string; setting: string; expected: string; actual: string };

/** How many replicas topics shall have. */
export interface ReplicationOptions {
  /** @default the brokers there are, at most 3 */
  replicationFactor?: number;
}

/** What `ensureTopics` did, and what it found. */
export interface TopicReport {
  created: string[];
  /** Existing topics that differ from their specification; nothing is changed. */
  differences: TopicDifference[];
}

/** What `ensureTopics` would find, without touching anything. */
export interface TopicInspection {
  missing: string[];
  differences: TopicDifference[];
}

/** What can be asked of and done to a log as a whole: topics, offsets, groups, access. */
export interface LogAdmin {
  /** Creates what is missing (idempotent, safe to race) and names every mismatch. */
  ensureTopics(topics: readonly TopicSpec[], options?: ReplicationOptions): Promise<TopicReport>;
  /** Names what is missing and every mismatch; changes nothing. */
  inspectTopics(topics: readonly TopicSpec[], options?: ReplicationOptions): Promise<TopicInspection>;
  listTopics(): Promise<string[]>;
  deleteTopics(topics: readonly string[]): Promise<void>;
  /** First and next offset of every partition. */
  offsets(topic: string): Promise<{ partition: number; earliest: number; latest: number }[]>;
  /** Committed offsets of a group; −1 where none. */
  committed(groupId: string, topic: string): Promise<{ partition: number; offset: number }[]>;
  /**
   * Lets a group without members begin there; partitions that are not named stay as they are.
   * @throws {TandemError} `group_active`
   */
  setCommitted(groupId: string, topic: string, offsets: readonly { partition: number; offset: number }[]): Promise<void>;
  /** The consumer groups whose names begin so, and how many members each has. */
  groups(prefix: string): Promise<{ groupId: string; members: number }[]>;
  /**
   * Grows a topic to so many partitions. Most keys then lie on another partition than before, so topics that are joined
   * must all be grown while nothing is on its way.
   * @throws {TandemError} `unknown_topic`, `not_supported` (the embedded log)
   */
  addPartitions(topic: string, partitions: number): Promise<void>;
}
