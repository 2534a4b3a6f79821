import type { Kafka } from 'kafkajs';
import { logBehind, unknownPartition } from '../errors.ts';
import type { LogRecord, ReadOptions } from '../types.ts';
import { DirectCluster } from './direct-cluster.ts';
import { NO_SESSION } from './fetch-session.ts';
import { errorOfCode } from './kafkajs-internals.ts';
import type { ResolvedKafkaLogOptions } from './options.ts';
import { Persistence } from './persistence.ts';
import { TruncationDoubts } from './truncation-doubts.ts';

const FETCH_BYTES = 1_048_576;
const OFFSET_OUT_OF_RANGE = 1;
/** So many fetches in a row without anything, although nothing is in the way: compaction has taken what was there. */
const EMPTY_FETCHES = 3;

type ReaderCluster = Pick<DirectCluster, 'fetch' | 'leaders' | 'offset' | 'reset'>;

interface Piece {
  records: LogRecord[];
  /** Where to read on. */
  next: number;
}

/**
 * Reads a range of one partition from its leader, at most one fetch ahead of whoever takes the records. It waits for a
 * broker that is away and follows the leader when it moves.
 */
export class PartitionReader {
  readonly #cluster: ReaderCluster;
  readonly #persistence: Persistence;
  readonly #options: ReadOptions;
  readonly #maxWaitMs: number;
  readonly #doubts: TruncationDoubts;
  #emptyFetches = 0;

  /** @param signal ends the read; whoever gave it knows why */
  constructor(kafka: Kafka, config: ResolvedKafkaLogOptions, options: ReadOptions, signal: AbortSignal, cluster: ReaderCluster = new DirectCluster(kafka)) {
    this.#cluster = cluster;
    this.#options = options;
    this.#maxWaitMs = config.maxFetchWaitMs;
    this.#doubts = new TruncationDoubts(config.clock, config.logger);
    this.#persistence = new Persistence({ cluster: this.#cluster, topic: options.topic, logger: config.logger, signal });
  }

  /** @throws {TandemError} `unknown_topic`, `unknown_partition`, `record_refused`, `log_behind` */
  async *batches(): AsyncGenerator<readonly LogRecord[]> {
    try {
      const range = await this.#persistence.run(() => this.#range(), 0);
      if (range === undefined || range.from >= range.to) return;
      let ahead = this.#read(range.from, range.to);
      for (;;) {
        const piece = await ahead;
        if (piece === undefined) return;
        const { records, next } = piece;
        const done = next >= range.to;
        if (!done) {
          ahead = this.#read(next, range.to);
          // Whoever stops reading does not hear of its failure.
          ahead.catch(() => undefined);
        }
        if (records.length > 0) yield records;
        if (done) return;
      }
    } finally {
      this.#cluster.reset();
    }
  }

  async #range(): Promise<{ from: number; to: number }> {
    const { from, to, barrier } = this.#options;
    // Who knows of the barrier knows of all before it: so the same broker answers for the start, and answers after that.
    const leader = await this.#findLeader();
    const latest = await this.#offset('latest', leader);
    if (barrier !== undefined && latest < barrier) throw logBehind(this.#options, barrier);
    const end = Math.min(barrier ?? to ?? latest, latest);
    if (from !== undefined && 'timestamp' in from) {
      const offset = await this.#offset({ timestamp: from.timestamp }, leader);
      return { from: offset < 0 ? end : offset, to: end };
    }
    return { from: Math.max(from?.offset ?? 0, await this.#offset('earliest', leader)), to: end };
  }

  async #offset(query: Parameters<DirectCluster['offset']>[3], leader: number): Promise<number> {
    const { topic, partition } = this.#options;
    return this.#cluster.offset(leader, topic, partition, query);
  }

  /** Undefined when the read has been ended. */
  #read(from: number, to: number): Promise<Piece | undefined> {
    return this.#persistence.run(() => this.#fetch(from, to));
  }

  async #fetch(from: number, to: number): Promise<Piece> {
    const { topic, partition } = this.#options;
    const leader = await this.#findLeader();
    const request = { ...NO_SESSION, partitions: [{ topic, partition, offset: from }], maxWaitMs: this.#maxWaitMs, maxBytesPerPartition: FETCH_BYTES };
    const { throttled, partitions: [fetched] } = await this.#cluster.fetch(leader, request);
    if (fetched?.errorCode === OFFSET_OUT_OF_RANGE) return { records: [], next: await this.#afterDeletion(leader, from, to) };
    if (fetched === undefined || fetched.errorCode !== 0) throw errorOfCode(fetched?.errorCode ?? -1);
    if (fetched.next === undefined) return { records: [], next: this.#nothingFetched(from, to, !throttled && fetched.lastStableOffset >= to) };
    this.#emptyFetches = 0;
    return { records: fetched.records.filter(({ offset }) => offset >= from && offset < to), next: fetched.next };
  }

  /** What was to be read next has been deleted. Goes on with what is left, if anything is. */
  async #afterDeletion(leader: number, from: number, to: number): Promise<number> {
    const earliest = await this.#offset('earliest', leader);
    if (earliest > from) return earliest;
    // Or it has never been there: the leader has moved to one that is out of date.
    const { topic, partition, barrier } = this.#options;
    if (barrier !== undefined) throw logBehind(this.#options, barrier);
    if (!this.#doubts.isTruncated({ topic, partition, offset: from }, leader)) throw errorOfCode(OFFSET_OUT_OF_RANGE);
    return to;
  }

  /** Nothing comes while a transaction is open, and nothing ever where compaction has taken the end of the partition. */
  #nothingFetched(from: number, to: number, unobstructed: boolean): number {
    this.#emptyFetches = unobstructed ? this.#emptyFetches + 1 : 0;
    return this.#emptyFetches >= EMPTY_FETCHES ? to : from;
  }

  async #findLeader(): Promise<number> {
    const { topic, partition } = this.#options;
    const leaders = await this.#cluster.leaders(topic);
    const leader = leaders[partition];
    if (leader === undefined) throw unknownPartition(topic, partition, leaders.length);
    if (leader < 0) throw new Error(`partition ${partition} of ${topic} has no leader`);
    return leader;
  }
}
