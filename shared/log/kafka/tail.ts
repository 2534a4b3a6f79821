import { messageOf } from '../../errors/index.ts';
import type { Kafka } from 'kafkajs';
import type { LogRecord, Tail, TailOptions } from '../types.ts';
import type { KafkaAdmin } from './admin.ts';
import { Backoff, pause, within } from './backoff.ts';
import { DirectCluster } from './direct-cluster.ts';
import type { FetchedPartition } from './fetch-response.ts';
import { errorOfCode } from './kafkajs-internals.ts';
import type { ResolvedKafkaLogOptions } from './options.ts';
import { FetchSession } from './fetch-session.ts';
import { TopicIdentities } from './topic-identities.ts';

const MAX_BYTES_PER_PARTITION = 1_048_576;
/** Records end the wait, so this only spares requests. */
const MAX_WAIT_MS = 500;
const REPORT_EVERY_MS = 30_000;
const OFFSET_OUT_OF_RANGE = 1;
/** So many fetches in a row without a record, and there is nothing left to come. */
const EMPTY_FETCHES = 3;

/** Follows a topic: one fetch after the other from each broker that leads some of its partitions. */
export class KafkaTail implements Tail {
  readonly caughtUp: Promise<void>;
  readonly #cluster: DirectCluster;
  readonly #config: ResolvedKafkaLogOptions;
  readonly #options: TailOptions;
  readonly #identities: TopicIdentities;
  readonly #closing = new AbortController();
  /** The next offset of each partition. */
  readonly #positions = new Map<number, number>();
  readonly #targets: ReadonlyMap<number, number>;
  readonly #emptyFetches = new Map<number, number>();
  #resolve: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();
  #reportAgainAt = 0;

  /** @param targets for each partition the offset to be reached, where there is anything to read */
  constructor(kafka: Kafka, config: ResolvedKafkaLogOptions, options: TailOptions, targets: ReadonlyMap<number, number>) {
    this.#cluster = new DirectCluster(kafka);
    this.#config = config;
    this.#options = options;
    this.#targets = targets;
    this.#identities = new TopicIdentities([options.topic], (topic) => this.#cluster.topicId(topic), config.logger);
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
      for (const partition of fetched.partitions) await this.#receive(leader, partition, throttled);
      this.#check();
      backoff.reset();
    }
  }

  async #receive(leader: number, fetched: FetchedPartition, throttled: boolean): Promise<void> {
    const { partition, errorCode, records, next } = fetched;
    // Its start was deleted, or the topic was deleted and made anew: on with what is there.
    if (errorCode === OFFSET_OUT_OF_RANGE) return void this.#positions.set(partition, await this.#cluster.offset(leader, this.#options.topic, partition, 'earliest'));
    if (errorCode !== 0) throw errorOfCode(errorCode);
    if (next === undefined) return this.#nothingCame(partition, throttled);
    this.#emptyFetches.delete(partition);
    const position = this.#positions.get(partition) ?? 0;
    for (const record of records) if (record.offset >= position) this.#deliver(record);
    this.#positions.set(partition, next);
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
