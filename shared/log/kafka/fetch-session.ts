import { keyOf } from '../topic-partition.ts';
import type { TopicPartition } from '../types.ts';
import type { FetchAnswer } from './fetch-response.ts';

export interface FetchPosition extends TopicPartition {
  /** Of the next record. */
  offset: number;
}

/** The part of a fetch that says what is to be read. */
export interface SessionRequest {
  sessionId: number;
  sessionEpoch: number;
  /** Those that the broker does not know from the session as they are now; without a session, all. */
  partitions: readonly FetchPosition[];
  /** No longer part of the session. */
  forgotten: readonly TopicPartition[];
}

/** A fetch that stands for itself. */
export const NO_SESSION = { sessionId: 0, sessionEpoch: -1, forgotten: [] } as const;

const SESSION_ID_NOT_FOUND = 70;
const INVALID_SESSION_EPOCH = 71;
const LARGEST_EPOCH = 2 ** 31 - 1;

/**
 * What a broker knows of a reader from one fetch to the next, so that each says only what has changed, and the answer holds
 * only partitions with something new. One fetch at a time. Source: KIP-227.
 */
export class FetchSession {
  #id = 0;
  /** Of the next request; 0 asks for a new session. */
  #epoch = 0;
  #held = new Map<string, FetchPosition>();

  /** The request for these partitions, and no others. */
  next(wanted: readonly FetchPosition[]): SessionRequest {
    const held = new Map(wanted.map((position) => [keyOf(position), position]));
    const before = this.#epoch === 0 ? new Map<string, FetchPosition>() : this.#held;
    const partitions = wanted.filter((position) => before.get(keyOf(position))?.offset !== position.offset);
    const forgotten = [...before].filter(([key]) => !held.has(key)).map(([, position]) => position);
    this.#held = held;
    return { sessionId: this.#id, sessionEpoch: this.#epoch, partitions, forgotten };
  }

  /** Where the partition was to be read in the last request. */
  from(partition: TopicPartition): number | undefined {
    return this.#held.get(keyOf(partition))?.offset;
  }

  /** @returns whether the answer holds; if not, the next request starts a new session */
  accept({ errorCode, sessionId }: Pick<FetchAnswer, 'errorCode' | 'sessionId'>): boolean {
    if (errorCode === SESSION_ID_NOT_FOUND || errorCode === INVALID_SESSION_EPOCH) {
      this.reset();
      return false;
    }
    // Some brokers keep none, or have no room for another.
    this.#epoch = sessionId === 0 ? 0 : this.#epoch === LARGEST_EPOCH ? 1 : this.#epoch + 1;
    this.#id = sessionId;
    return true;
  }

  /** What the broker knows is not certain. */
  reset(): void {
    this.#id = 0;
    this.#epoch = 0;
  }
}
