import type { Kafka } from 'kafkajs';
import { keyOf } from '../topic-partition.ts';
import type { TopicPartition } from '../types.ts';
import { FetchLane } from './fetch-lane.ts';
import type { FetchPosition } from './fetch-session.ts';
import type { FetchSource } from './fetch-source.ts';
import type { FetchedPartition } from './fetch-response.ts';
import type { ResolvedKafkaLogOptions } from './options.ts';
import { TruncationDoubts } from './truncation-doubts.ts';

/** A partition that has brought nothing for so long is asked for apart. */
const WARM_MS = 2_000;
const COLD_WAIT_MS = 500;

export interface Fetcher {
  /** More is wanted than before. */
  wake(): void;
  close(): Promise<void>;
}

/**
 * Reads the partitions of a group's member from their leaders. A broker looks at every partition of a fetch each time, so
 * those that bring something, and are asked for again and again, are not asked for together with those that hardly ever do.
 */
export class GroupFetcher implements Fetcher {
  readonly #source: FetchSource;
  readonly #warm: FetchLane;
  readonly #cold: FetchLane;
  /** ms of `performance.now()`, by `keyOf`. */
  readonly #warmUntil = new Map<string, number>();

  constructor(kafka: Kafka, config: ResolvedKafkaLogOptions, source: FetchSource) {
    this.#source = source;
    const doubts = new TruncationDoubts(config.clock, config.logger);
    const lane = (options: { maxWaitMs: number; gatherMs: number }, mine: (key: string) => boolean, other: () => FetchLane) =>
      new FetchLane(kafka, config, { ...source, ...options, doubts, positions: (isHere) => this.#positions(isHere, mine, other()), receive: (fetched, from) => this.#receive(fetched, from) });
    this.#warm = lane({ maxWaitMs: config.maxFetchWaitMs, gatherMs: config.gatherMs }, (key) => this.#isWarm(key), () => this.#cold);
    this.#cold = lane({ maxWaitMs: COLD_WAIT_MS, gatherMs: 0 }, (key) => !this.#isWarm(key), () => this.#warm);
  }

  wake(): void {
    this.#warm.wake();
    this.#cold.wake();
  }

  async close(): Promise<void> {
    await Promise.all([this.#warm.close(), this.#cold.close()]);
  }

  /** One that changes sides stays with the one until the other has asked for it: in between nobody would wait for it. */
  #positions(isHere: (position: FetchPosition) => boolean, mine: (key: string) => boolean, other: FetchLane): FetchPosition[] {
    let othersTurn = false;
    const positions = this.#source.positions().filter((position) => {
      // Of those that neither can ask for, each would only wake the other, without end.
      if (!isHere(position)) return false;
      const key = keyOf(position);
      if (mine(key)) return true;
      const left = other.asksFor(key);
      othersTurn ||= !left;
      return !left;
    });
    if (othersTurn) other.wake();
    return positions;
  }

  /** New ones are warm: they may have much to bring. */
  #isWarm(key: string): boolean {
    const until = this.#warmUntil.get(key);
    if (until === undefined) this.#warmUntil.set(key, performance.now() + WARM_MS);
    return until === undefined || until > performance.now();
  }

  #receive(fetched: FetchedPartition, from: number): void {
    if (fetched.next !== undefined) this.#keepWarm(fetched);
    this.#source.receive(fetched, from);
  }

  #keepWarm(partition: TopicPartition): void {
    const key = keyOf(partition);
    const wasWarm = this.#isWarm(key);
    this.#warmUntil.set(key, performance.now() + WARM_MS);
    if (!wasWarm) this.#warm.wake();
  }
}
