import type { AgreedPartitions, OutgoingRecord } from './types.ts';

const SEED = 0x9747b28c;
const MULTIPLIER = 0x5bd1e995;

/**
 * Kafka's hash of a key's UTF-8 bytes, as a signed 32-bit integer.
 * Source: org.apache.kafka.common.utils.Utils.murmur2.
 */
export function murmur2(key: string): number {
  const bytes = Buffer.from(key);
  const blocks = bytes.length & ~3;
  let hash = SEED ^ bytes.length;
  for (let at = 0; at < blocks; at += 4) {
    let block = Math.imul(bytes.readInt32LE(at), MULTIPLIER);
    block = Math.imul(block ^ (block >>> 24), MULTIPLIER);
    hash = Math.imul(hash, MULTIPLIER) ^ block;
  }
  hash = mixTail(hash, bytes, blocks);
  hash = Math.imul(hash ^ (hash >>> 13), MULTIPLIER);
  return hash ^ (hash >>> 15);
}

function mixTail(hash: number, bytes: Buffer, from: number): number {
  if (from === bytes.length) return hash;
  let tail = 0;
  for (let at = bytes.length - 1; at >= from; at--) tail = (tail << 8) | (bytes[at] ?? 0);
  return Math.imul(hash ^ tail, MULTIPLIER);
}

/** The partition of a key: the same as Java's default partitioner, kafkajs' and librdkafka's `murmur2_random` choose. */
export function partitionOfKey(key: string, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions;
}

/** Chooses partitions for outgoing records; those without a key go round robin. */
export class Partitioner {
  readonly #agreed: AgreedPartitions;
  #next = 0;

  constructor(agreed: AgreedPartitions = new Map()) {
    this.#agreed = agreed;
  }

  /** @param partitions that the topic has */
  choose({ topic, key, partition }: Pick<OutgoingRecord, 'topic' | 'key' | 'partition'>, partitions: number): number {
    if (partition !== undefined) return partition;
    const count = Math.min(partitions, this.#agreed.get(topic) ?? partitions);
    if (key !== null) return partitionOfKey(key, count);
    this.#next = (this.#next + 1) % count;
    return this.#next;
  }
}
