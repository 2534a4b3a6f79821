import { keyOf } from '../topic-partition.ts';
import type { TopicPartition } from '../types.ts';

/** They begin anew after so many. */
const SEQUENCES = 2 ** 31;

/** How many records a producer has written to each partition: by their numbers the broker knows repetitions. */
export class Sequences {
  /** By `keyOf`. */
  readonly #next = new Map<string, number>();

  /** Of the next record. */
  next(place: TopicPartition): number {
    return this.#next.get(keyOf(place)) ?? 0;
  }

  /** So many records more are written. */
  advance(place: TopicPartition, records: number): void {
    this.#next.set(keyOf(place), (this.next(place) + records) % SEQUENCES);
  }
}
