import type { FetchedPartition } from './fetch-response.ts';
import type { FetchPosition } from './fetch-session.ts';

/** What is to be read, and who takes it. */
export interface FetchSource {
  topics: readonly string[];
  maxBytesPerPartition: number;
  /** All that is wanted now, and from where. */
  positions(): readonly FetchPosition[];
  /** @param from the offset that was asked for: an answer to an older question is none of the partition */
  receive(fetched: FetchedPartition, from: number): void;
  /** What was asked for is not there: the partition starts (again) here. */
  outOfRange(partition: FetchPosition, earliest: number): void;
  /** The partition is said to end before that. It may be another topic of that name; else it is asked for again, until the answer is another or has lasted. */
  beyondEnd(partition: FetchPosition): void;
  /** Reading fails, and is tried on. Said of the first failure in a row, and once in a while. */
  failed(error: unknown): void;
}
