import { messageOf } from '../../errors/index.ts';
import type { Kafka } from 'kafkajs';
import type { LogRecord, Tail, TailOptions } from '../types.ts';
import type { KafkaAdmin } from './admin.ts';
import { Backoff, pause, within } from './backoff.ts';
import { DirectCluster } from './direct-cluster.ts';
import type { FetchedPartition } from './fetch-response.ts';
import { errorOfCode } from './kafkajs-internals.ts';
import type { ResolvedKafkaLogOptions } from './options.ts';
import { FetchSession, type FetchPosition } from './fetch-session.ts';
import { TopicIdentities } from './topic-identities.ts';
import { TruncationDoubts } from './truncation-doubts.ts';

const MAX_BYTES_PER_PARTITION = 1_048_576;
/** Records end the wait, so this only spares requests. */
const MAX_WAIT_MS = 500;
const REPORT_EVERY_MS = 30_000;
const OFFSET_OUT_OF_RANGE = 1;
/** So many fetches in a row without a record, and there is nothing left to come. */
const EMPTY_FETCHES = 3;
/** A partition that is said to end before what was read is asked for again after this, maybe of another leader. */
const ASK_AGAIN_MS = 500;

type TailCluster = Pick<DirectCluster, 'fetch' | 'leaders' | 'offset' | 'refresh' | 'reset' | 'topicId'>;

/** Follows a topic: one fetch after the other from each broker that leads some of its partitions. */
export class KafkaTail implements Tail {
  readonly caughtUp: Promise<void>;
  readonly #cluster: TailCluster;
  readonly #config: ResolvedKafkaLogOptions;
  readonly #options: TailOptions;
  readonly #identities: TopicIdentities;
  readonly #doubts: TruncationDoubts;
  readonly #closing = new AbortController();
  /** The next offset of each partition. */
  readonly #positions = new Map<number, number>();
  readonly #targets: ReadonlyMap<number, number>;
  readonly #emptyFetches = new Map<number, number>();
  #resolve: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();
  #reportAgainAt = 0;

  /** @param targets for each partition the offset to be reached, where there is anything to read */
  constructor(kafka: Kafka, config: ResolvedKafkaLogOptions, options: TailOptions, targets: ReadonlyMap<number, number>, cluster: TailCluster = new DirectCluster(kafka)) {
    this.#cluster = cluster;
    this.#config = config;
    this.#options = options;
    this.#targets = targets;
    this.#identities = new TopicIdentities([options.topic], (topic) => this.#cluster.topicId(topic), config.logger);
    this.#doubts = new TruncationDoubts(config.clock, config.logger);
    this.caughtUp = new Promise((resolve) => (this.#resolve = resolve));
    if (options.startFrom === 'latest') for (const [partition, target] of targets) this.#positions.set(partition, target);
  }

  start(): void {
    this.#check();
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#cluster.reset();
    await within(this.#running, this.#config.closeTimeoutMs);
    this.#resolve();
  }

  async #run(): Promise<void> {
    const backoff = new Backoff();
    while (!this.#closing.signal.aborted) {
      try {
        await this.#followAll(backoff);
        if (!this.#closing.signal.aborted) await this.#cluster.refresh();
      } catch (error) {
        this.#cluster.reset();
        if (this.#closing.signal.aborted) return;
        this.#report(error);
        await pause(backoff.nextMs(), this.#closing.signal);
      }
    }
    // Something may have been asked for, over new connections, while this was closing.
    this.#cluster.reset();
  }

  /** Reads all partitions until it is time to look for new ones, or anything fails. */
  async #followAll(backoff: Backoff): Promise<void> {
    await this.#startAnewIfMadeAnew();
    const { topic, partitions: wanted } = this.#options;
    const leaders = [...(await this.#cluster.leaders(topic)).entries()].filter(([partition]) => wanted?.includes(partition) ?? true);
    const byLeader = Map.groupBy(leaders, ([, leader]) => leader);
    const round = new AbortController();
    const following = [...byLeader].map(async ([leader, partitions]) => {
      try {
        await this.#follow(leader, partitions.map(([partition]) => partition), AbortSignal.any([round.signal, this.#closing.signal]), backoff);
      } finally {
        round.abort();
      }
    });
    const failed = (await Promise.allSettled(following)).find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #startAnewIfMadeAnew(): Promise<void> {
    const anew = await this.#identities.changed();
    if (anew.size > 0) this.#positions.clear();
    this.#identities.accept(anew);
  }

  async #follow(leader: number, partitions: readonly number[], signal: AbortSignal, backoff: Backoff): Promise<void> {
    const { topic } = this.#options;
    const session = new FetchSession();
    const refreshAt = Date.now() + this.#config.metadataMaxAgeMs;
    while (!signal.aborted && Date.now() < refreshAt) {
      const positions = partitions.map((partition) => ({ topic, partition, offset: this.#positions.get(partition) ?? 0 }));
      const fetched = await this.#cluster.fetch(leader, { ...session.next(positions), maxWaitMs: MAX_WAIT_MS, maxBytesPerPartition: MAX_BYTES_PER_PARTITION });
      if (!session.accept(fetched)) continue;
      if (fetched.errorCode !== 0) throw errorOfCode(fetched.errorCode);
      const throttled = fetched.throttled;
      const heard = new Set(fetched.partitions.map(({ partition }) => partition));
      for (const partition of partitions) if (!heard.has(partition)) this.#nothingCame(partition, throttled);
      let inDoubt = false;
      for (const partition of fetched.partitions) inDoubt = !(await this.#receive(leader, partition, throttled)) || inDoubt;
      this.#check();
      backoff.reset();
      if (inDoubt) return pause(ASK_AGAIN_MS, signal);
    }
  }

  /** @returns false where it is to be asked again, maybe of another leader */
  async #receive(leader: number, fetched: FetchedPartition, throttled: boolean): Promise<boolean> {
    const { partition, errorCode, records, next } = fetched;
    const offset = this.#positions.get(partition) ?? 0;
    const position = { topic: this.#options.topic, partition, offset };
    const isNew = next !== undefined && this.#doubts.mistrusts(position, leader);
    if (errorCode === OFFSET_OUT_OF_RANGE || isNew) return this.#outOfRange(leader, position, isNew);
    if (errorCode !== 0) throw errorOfCode(errorCode);
    if (!this.#doubts.mistrusts(position, leader)) this.#doubts.end(position);
    if (next === undefined) this.#nothingCame(partition, throttled);
    else this.#take(partition, records.filter((record) => record.offset >= offset), next);
    return true;
  }

  #take(partition: number, records: readonly LogRecord[], next: number): void {
    this.#emptyFetches.delete(partition);
    for (const record of records) this.#deliver(record);
    this.#positions.set(partition, next);
  }

  /** Its start was deleted: on with what is there. Or its end, if that is to be believed. @throws when the broker does not lead the partition */
  async #outOfRange(leader: number, position: FetchPosition, isCertain: boolean): Promise<boolean> {
    const earliest = await this.#cluster.offset(leader, position.topic, position.partition, 'earliest');
    if (earliest <= position.offset && !isCertain && !this.#doubts.isTruncated(position, leader)) return false;
    if (earliest <= position.offset) this.#config.logger.warn({ ...position, offset: earliest }, 'the partition was truncated; reading it from its start');
    this.#doubts.end(position);
    this.#positions.set(position.partition, earliest);
    return true;
  }

  #nothingCame(partition: number, throttled: boolean): void {
    if (!throttled) this.#emptyFetches.set(partition, (this.#emptyFetches.get(partition) ?? 0) + 1);
  }

  #deliver(record: LogRecord): void {
    if (this.#closing.signal.aborted) return;
    try {
      this.#options.onRecord(record);
    } catch (error) {
      this.#options.onFault?.(error);
    }
  }

  /** What compaction has taken from the end is never fetched, nor are the records of a transaction that hangs. */
  #check(): void {
    const reached = ([partition, target]: [number, number]): boolean =>
      (this.#positions.get(partition) ?? 0) >= target || (this.#emptyFetches.get(partition) ?? 0) >= EMPTY_FETCHES;
    if ([...this.#targets].every(reached)) this.#resolve();
  }

  #report(error: unknown): void {
    this.#options.onFault?.(error);
    if (Date.now() < this.#reportAgainAt) return;
    this.#reportAgainAt = Date.now() + REPORT_EVERY_MS;
    this.#config.logger.warn({ topic: this.#options.topic, error: messageOf(error) }, 'the topic cannot be followed at the moment; trying on');
  }
}

/** Where a tail that starts now has caught up. */
export async function tailTargets(admin: KafkaAdmin, { topic, partitions }: TailOptions): Promise<Map<number, number>> {
  const offsets = (await admin.offsets(topic)).filter(({ partition }) => partitions?.includes(partition) ?? true);
  return new Map(offsets.filter(({ earliest, latest }) => latest > earliest).map(({ partition, latest }) => [partition, latest]));
}
