// Field positions in a record batch. Source: https://kafka.apache.org/documentation/#recordbatch
const LENGTH_AT = 8;
const MAGIC_AT = 16;
const ATTRIBUTES_AT = 21;
const LAST_OFFSET_DELTA_AT = 23;
const FIRST_TIMESTAMP_AT = 27;
const MAX_TIMESTAMP_AT = 35;
const PRODUCER_ID_AT = 43;
/** Before the records. */
export const HEADER_BYTES = 61;
/** What comes before the bytes that the length counts. */
const PREFIX_BYTES = 12;

const COMPRESSION = 0x07;
const APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/** A batch of records as it lies in the log. */
export interface StoredBatch {
  bytes: Buffer;
  firstOffset: number;
  lastOffset: number;
  /** Epoch ms by the producer; records count from it. */
  firstTimestamp: number;
  /** Epoch ms by the broker, where the topic stamps it. */
  appendedAt: number | undefined;
  /** The codec's number; 0 is none. */
  compression: number;
  producerId: bigint;
  transactional: boolean;
  /** It holds the marker that ends a transaction, no records. */
  control: boolean;
}

/** A transaction that was not committed, and where its first record lies. */
export interface AbortedTransaction {
  producerId: bigint;
  firstOffset: number;
}

/** The complete batches of a fetched piece of a partition; the last one is often cut off. */
export function splitBatches(bytes: Buffer): StoredBatch[] {
  const batches: StoredBatch[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const size = PREFIX_BYTES + bytes.readInt32BE(at + LENGTH_AT);
    if (bytes.readInt8(at + MAGIC_AT) !== 2) throw new Error('the partition holds records in a format from before Kafka 0.11');
    if (size < HEADER_BYTES) throw new Error(`a record batch of ${size} bytes`);
    if (at + size > bytes.length) break;
    batches.push(describe(bytes.subarray(at, at + size)));
    at += size;
  }
  return batches;
}

function describe(bytes: Buffer): StoredBatch {
  const attributes = bytes.readInt16BE(ATTRIBUTES_AT);
  const firstOffset = Number(bytes.readBigInt64BE(0));
  return {
    bytes,
    firstOffset,
    lastOffset: firstOffset + bytes.readInt32BE(LAST_OFFSET_DELTA_AT),
    firstTimestamp: Number(bytes.readBigInt64BE(FIRST_TIMESTAMP_AT)),
    appendedAt: (attributes & APPEND_TIME) === 0 ? undefined : Number(bytes.readBigInt64BE(MAX_TIMESTAMP_AT)),
    compression: attributes & COMPRESSION,
    producerId: bytes.readBigInt64BE(PRODUCER_ID_AT),
    transactional: (attributes & TRANSACTIONAL) !== 0,
    control: (attributes & CONTROL) !== 0,
  };
}

/**
 * The batches with records of committed transactions, and of none. A producer's aborted transaction lasts from its
 * first offset to the producer's next control batch, which is its abort marker.
 */
export function committedBatches(batches: readonly StoredBatch[], aborted: readonly AbortedTransaction[]): StoredBatch[] {
  const waiting = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  const aborting = new Set<bigint>();
  return batches.filter(({ lastOffset, producerId, transactional, control }) => {
    for (let next = waiting[0]; next !== undefined && next.firstOffset <= lastOffset; next = waiting[0]) {
      aborting.add(next.producerId);
      waiting.shift();
    }
    if (control) aborting.delete(producerId);
    return !control && !(transactional && aborting.has(producerId));
  });
}
