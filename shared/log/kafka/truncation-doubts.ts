import type { Clock } from '../../clock/index.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { keyOf } from '../topic-partition.ts';
import type { FetchPosition } from './fetch-session.ts';

/** Longer than a broker takes itself for a leader after its session (9 s) is over and it can hear of that. */
const BELIEVED_AFTER_MS = 10_000;

interface Doubt {
  /** Where the partition was to be read. */
  offset: number;
  /** Who has said that it ends before that. */
  broker: number;
  /** Epoch ms. */
  since: number;
}

/**
 * Partitions that are said to end before the place where they are to be read on. Seldom is anything lost: a broker that was
 * suspended wakes, takes itself for the leader still, and has what it had then. So that is believed when it has lasted. Or when
 * that leader then brings records from that place: a leader's log only grows, so what lies before them has not been read either.
 */
export class TruncationDoubts {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #doubts = new Map<string, Doubt>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Whether the broker had nothing there when it was asked last, and what it brings from there now is therefore new. */
  mistrusts(position: FetchPosition, broker: number): boolean {
    return this.#doubtOf(position)?.broker === broker;
  }

  /** The partition's leader has nothing there. @returns whether that is so; if not, it is to be asked again */
  isTruncated(position: FetchPosition, broker: number): boolean {
    const since = this.#doubtOf(position)?.since ?? this.#begin(position, broker);
    this.#doubts.set(keyOf(position), { offset: position.offset, broker, since });
    return this.#clock.now() - since >= BELIEVED_AFTER_MS;
  }

  /** The partition is read on, or anew. */
  end(position: FetchPosition): void {
    this.#doubts.delete(keyOf(position));
  }

  #begin({ topic, partition, offset }: FetchPosition, broker: number): number {
    this.#logger.warn({ topic, partition, offset, broker }, 'the partition is said to end before what was read of it; asking again');
    return this.#clock.now();
  }

  #doubtOf(position: FetchPosition): Doubt | undefined {
    const doubt = this.#doubts.get(keyOf(position));
    return doubt?.offset === position.offset ? doubt : undefined;
  }
}
