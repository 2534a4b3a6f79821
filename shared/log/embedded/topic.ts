import type { TopicSpec } from '@tandem/schemas';
import type { LogRecord } from '../types.ts';
import { PartitionLog } from './partition-log.ts';

// Compaction runs when superseded records outnumber the live ones by this.
const COMPACT_AFTER = 64;

/** A topic of the embedded log. Offsets below those of `floors` are consumed and may be dropped when memory is needed. */
export class Topic {
  readonly spec: TopicSpec;
  readonly partitions: readonly PartitionLog[];
  readonly #latestOffsets: Map<string, number>[];

  constructor(spec: TopicSpec) {
    this.spec = { ...spec };
    this.partitions = Array.from({ length: spec.partitions }, (_, partition) => new PartitionLog(spec.name, partition));
    this.#latestOffsets = this.partitions.map(() => new Map<string, number>());
  }

  /** Bytes held. */
  get bytes(): number {
    return this.partitions.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Returns the change in bytes held. */
  append(partition: number, record: Omit<LogRecord, 'topic' | 'partition' | 'offset'>, bytes: number): number {
    const log = this.partitions[partition];
    if (log === undefined) return 0;
    const { offset } = log.append(record, bytes);
    if (this.spec.cleanup === 'delete' || record.key === null) return bytes;
    const latest = this.#latestOffsets[partition] ?? new Map<string, number>();
    latest.set(record.key, offset);
    return log.count >= 2 * latest.size + COMPACT_AFTER ? bytes - this.#compact(log, latest) : bytes;
  }

  /** Drops what nobody needs: expired, or below the floor; returns the bytes freed. */
  reclaim(now: number, floor: (partition: number) => number, wanted: number): number {
    if (this.spec.cleanup === 'compact') return 0;
    const expired = now - this.spec.retentionMs;
    let freed = 0;
    for (const log of this.partitions) {
      const consumed = floor(log.partition);
      if (freed >= wanted) break;
      const before = log.bytes;
      freed += log.dropWhile(({ offset, timestamp }) => (offset < consumed && before - log.bytes < wanted) || timestamp < expired);
      this.#forgetBelow(log);
    }
    return freed;
  }

  #forgetBelow({ partition, earliest }: PartitionLog): void {
    const latest = this.#latestOffsets[partition];
    for (const [key, offset] of latest ?? []) if (offset < earliest) latest?.delete(key);
  }

  /** A tombstone goes with what it deletes. */
  #compact(log: PartitionLog, latest: Map<string, number>): number {
    return log.retain(({ key, value, offset }) => {
      if (key === null) return true;
      if (latest.get(key) !== offset) return false;
      if (value === null) latest.delete(key);
      return value !== null;
    });
  }
}
