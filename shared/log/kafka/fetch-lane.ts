import { messageOf } from '../../errors/index.ts';
import type { Kafka } from 'kafkajs';
import { Company } from '../company.ts';
import { keyOf } from '../topic-partition.ts';
import { Backoff, pause, within } from './backoff.ts';
import { DirectCluster } from './direct-cluster.ts';
import type { FetchedPartition } from './fetch-response.ts';
import { FetchSession, type FetchPosition } from './fetch-session.ts';
import type { FetchSource } from './fetch-source.ts';
import { errorOfCode } from './kafkajs-internals.ts';
import type { ResolvedKafkaLogOptions } from './options.ts';
import { NOBODY } from './topic-leaders.ts';
import type { TruncationDoubts } from './truncation-doubts.ts';

const OFFSET_OUT_OF_RANGE = 1;
const REPORT_EVERY_MS = 5_000;
/** Where a partition has no leader, they are asked for again after this. */
const LEADERLESS_MS = 500;

/** So much longer than a fetch waits a broker may take for its answer before the others go on without it. */
const GRACE_MS = 1_000;

/** A broker that has failed, and when it is asked again, epoch ms. */
interface Trouble {
  backoff: Backoff;
  until: number;
}

type LaneCluster = Pick<DirectCluster, 'fetch' | 'leaders' | 'offset' | 'refresh' | 'reset'>;

export interface FetchLaneOptions extends Omit<FetchSource, 'positions'> {
  /** Those that are wanted now and can be had here. */
  positions(isHere: (position: FetchPosition) => boolean): readonly FetchPosition[];
  /** How long a fetch waits for records. */
  maxWaitMs: number;
  /** While one fetch follows the other, each waits so long for company. */
  gatherMs: number;
  /** The same for all lanes: partitions change sides. */
  doubts: TruncationDoubts;
}

/** Reads partitions over connections of its own: one fetch after the other from each broker that leads some of them. */
export class FetchLane {
  readonly #cluster: LaneCluster;
  readonly #config: ResolvedKafkaLogOptions;
  readonly #options: FetchLaneOptions;
  readonly #closing = new AbortController();
  /** By broker, as the others here. */
  readonly #sessions = new Map<number, FetchSession>();
  /** What the last fetch was for, by `keyOf`. */
  readonly #asked = new Map<number, ReadonlySet<string>>();
  /** Being read, also those whose answer is overdue. */
  readonly #busy = new Set<number>();
  readonly #troubles = new Map<number, Trouble>();
  /** Of single partitions that have failed, by `keyOf`. */
  readonly #backoffs = new Map<string, Backoff>();
  /** Those of them that are not asked for yet. */
  readonly #left = new Set<string>();
  readonly #sleepers = new Set<() => void>();
  #running: Promise<void> | undefined;
  /** Ends when leaders are to be looked for anew. */
  #round = new AbortController();
  #reportAgainAt = 0;

  constructor(kafka: Kafka, config: ResolvedKafkaLogOptions, options: FetchLaneOptions, cluster: LaneCluster = new DirectCluster(kafka)) {
    this.#cluster = cluster;
    this.#config = config;
    this.#options = options;
  }

  /** Whether the partition is among those that are being read here: part of the last fetch that was answered, and of the one on its way. */
  asksFor(key: string): boolean {
    for (const asked of this.#asked.values()) if (asked.has(key)) return true;
    return false;
  }

  /** There may be something to ask for. */
  wake(): void {
    if (this.#closing.signal.aborted) return;
    this.#running ??= this.#run();
    for (const wake of this.#sleepers) wake();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#cluster.reset();
    await within(this.#running ?? Promise.resolve(), this.#config.closeTimeoutMs);
  }

  async #run(): Promise<void> {
    const backoff = new Backoff();
    while (!this.#closing.signal.aborted) {
      try {
        await this.#readAll(await this.#leaders());
        backoff.reset();
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

  /** By `keyOf`; −1 where there is none at the moment. */
  async #leaders(): Promise<ReadonlyMap<string, number>> {
    const leaders = new Map<string, number>();
    for (const topic of this.#options.topics) {
      for (const [partition, leader] of (await this.#cluster.leaders(topic)).entries()) leaders.set(keyOf({ topic, partition }), leader);
    }
    return leaders;
  }

  /** From all brokers, until it is time to look for leaders anew, or one of them fails. One that does not answer is not waited for. */
  async #readAll(leaders: ReadonlyMap<string, number>): Promise<void> {
    const round = (this.#round = new AbortController());
    const signal = AbortSignal.any([round.signal, this.#closing.signal]);
    const brokers = new Set(leaders.values());
    const lookAgainInMs = brokers.delete(NOBODY) ? LEADERLESS_MS : this.#config.metadataMaxAgeMs;
    const reading = [...brokers].filter((broker) => !this.#busy.has(broker)).map(async (broker) => {
      this.#busy.add(broker);
      await this.#readFrom(broker, leaders, signal);
      this.#busy.delete(broker);
      // One that was not waited for has its turn in a new round.
      if (this.#round !== round) this.#round.abort();
    });
    await pause(lookAgainInMs, signal);
    round.abort();
    await within(Promise.all(reading), this.#options.maxWaitMs + GRACE_MS);
  }

  /** Never throws: others go on when a broker is away. */
  async #readFrom(broker: number, leaders: ReadonlyMap<string, number>, signal: AbortSignal): Promise<void> {
    const trouble = this.#troubles.get(broker);
    const company = new Company(this.#options.gatherMs);
    const isHere = (position: FetchPosition): boolean => leaders.get(keyOf(position)) === broker && !this.#left.has(keyOf(position));
    try {
      if (trouble !== undefined) await pause(Math.max(0, trouble.until - Date.now()), signal);
      while (!signal.aborted) {
        const wanted = this.#options.positions(isHere);
        if (wanted.length === 0) await this.#sleep(broker, signal);
        else if (await this.#fetch(broker, wanted)) await this.#gather(company, signal);
        this.#troubles.delete(broker);
      }
    } catch (error) {
      this.#sessions.delete(broker);
      this.#asked.delete(broker);
      if (this.#closing.signal.aborted) return;
      this.#cluster.reset();
      this.#troubles.set(broker, nextTrouble(this.#troubles.get(broker)));
      this.#round.abort();
      this.#report(error);
    }
  }

  /** @returns whether it has brought something */
  async #fetch(broker: number, wanted: readonly FetchPosition[]): Promise<boolean> {
    const { maxWaitMs, maxBytesPerPartition } = this.#options;
    const session = this.#sessionOf(broker);
    const keys = new Set(wanted.map(keyOf));
    const before = this.#asked.get(broker);
    // Until it has answered once, perhaps over a connection that is still being made, what is new is not known to be in its hands.
    this.#asked.set(broker, new Set([...keys].filter((key) => before?.has(key))));
    const answer = await this.#cluster.fetch(broker, { ...session.next(wanted), maxWaitMs, maxBytesPerPartition });
    this.#asked.set(broker, keys);
    if (!session.accept(answer)) return false;
    if (answer.errorCode !== 0) throw errorOfCode(answer.errorCode);
    for (const fetched of answer.partitions) await this.#receive(broker, fetched, session.from(fetched));
    return answer.partitions.some(({ next }) => next !== undefined);
  }

  async #receive(broker: number, fetched: FetchedPartition, from: number | undefined): Promise<void> {
    const { topic, partition, errorCode } = fetched;
    // A session may still tell of what was just taken out of it.
    if (from === undefined || this.#closing.signal.aborted) return;
    const position = { topic, partition, offset: from };
    const { doubts } = this.#options;
    const isNew = fetched.next !== undefined && doubts.mistrusts(position, broker);
    if (errorCode === OFFSET_OUT_OF_RANGE || isNew) return this.#outOfRange(broker, position, isNew);
    if (errorCode !== 0) return this.#failed(keyOf(fetched), errorOfCode(errorCode));
    if (!doubts.mistrusts(position, broker)) doubts.end(position);
    this.#backoffs.delete(keyOf(fetched));
    this.#options.receive(fetched, from);
  }

  /** @throws when the broker does not lead the partition: then it says nothing of where that begins or ends */
  async #outOfRange(broker: number, position: FetchPosition, isCertain: boolean): Promise<void> {
    const earliest = await this.#cluster.offset(broker, position.topic, position.partition, 'earliest');
    const { doubts, outOfRange, beyondEnd } = this.#options;
    if (earliest <= position.offset && !isCertain && !doubts.isTruncated(position, broker)) {
      beyondEnd(position);
      return this.#askLater(keyOf(position));
    }
    doubts.end(position);
    outOfRange(position, earliest);
  }

  #failed(key: string, error: unknown): void {
    this.#askLater(key);
    this.#report(error);
  }

  /** It is asked for again in a while, maybe of another leader; the others of the broker go on. */
  #askLater(key: string): void {
    const backoff = this.#backoffs.get(key) ?? new Backoff();
    this.#backoffs.set(key, backoff);
    this.#left.add(key);
    // Not by the time that it is then: a timer may be a millisecond early, and whoever has nothing else to read would sleep on.
    setTimeout(() => {
      this.#left.delete(key);
      this.wake();
    }, backoff.nextMs()).unref();
    this.#round.abort();
  }

  #sessionOf(broker: number): FetchSession {
    const session = this.#sessions.get(broker) ?? new FetchSession();
    this.#sessions.set(broker, session);
    return session;
  }

  async #gather(company: Company, signal: AbortSignal): Promise<void> {
    company.came(performance.now());
    const waitMs = company.waitMs(performance.now());
    if (waitMs > 0) await pause(waitMs, signal);
  }

  async #sleep(broker: number, signal: AbortSignal): Promise<void> {
    this.#asked.delete(broker);
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#sleepers.add(wake);
    signal.addEventListener('abort', wake);
    await promise;
    signal.removeEventListener('abort', wake);
    this.#sleepers.delete(wake);
  }

  #report(error: unknown): void {
    if (Date.now() < this.#reportAgainAt) return;
    this.#reportAgainAt = Date.now() + REPORT_EVERY_MS;
    this.#config.logger.debug({ topics: this.#options.topics, error: messageOf(error) }, 'partitions cannot be read at the moment; trying on');
    try {
      this.#options.failed(error);
    } catch (fault) {
      this.#config.logger.error({ error: messageOf(fault) }, 'who was told that partitions cannot be read failed at it');
    }
  }
}

function nextTrouble(last: Trouble | undefined): Trouble {
  const backoff = last?.backoff ?? new Backoff();
  return { backoff, until: Date.now() + backoff.nextMs() };
}
