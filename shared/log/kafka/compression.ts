// Whoever checks a part of the repository that leads here has to find it too.
// eslint-disable-next-line @typescript-eslint/triple-slash-reference
/// <reference path="./codecs.d.ts" />
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { uncompress as unsnappy } from 'snappyjs';
import { unlz4 } from './lz4-frame.ts';

/** A fetch brings a megabyte of a partition or one batch; what grows to more than this is no honest batch. */
const LARGEST_BYTES = 268_435_456;

// What snappy-java, which Kafka's own clients use, puts in front of pieces; others compress a batch as one.
const SNAPPY_JAVA = Buffer.from('82534e4150505900', 'hex');
const SNAPPY_JAVA_HEADER_BYTES = 16;

/** By the number that Kafka's batches have for each. */
const CODECS: readonly ((bytes: Buffer) => Uint8Array)[] = [
  (bytes) => bytes,
  (bytes) => gunzipSync(bytes, { maxOutputLength: LARGEST_BYTES }),
  (bytes) => (bytes.subarray(0, SNAPPY_JAVA.length).equals(SNAPPY_JAVA) ? Buffer.concat(snappyPieces(bytes)) : unsnappy(bytes, LARGEST_BYTES)),
  (bytes) => unlz4(bytes, LARGEST_BYTES),
  (bytes) => zstdDecompressSync(bytes, { maxOutputLength: LARGEST_BYTES }),
];

/** @throws {Error} where the codec is unknown, or the bytes are damaged */
export function decompress(codec: number, bytes: Buffer): Buffer {
  const decode = CODECS[codec];
  if (decode === undefined) throw new Error(`records compressed in an unknown way (${codec})`);
  const plain = decode(bytes);
  return Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength);
}

function snappyPieces(bytes: Buffer): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = SNAPPY_JAVA_HEADER_BYTES; at + 4 <= bytes.length;) {
    const end = at + 4 + bytes.readInt32BE(at);
    pieces.push(unsnappy(bytes.subarray(at + 4, end), LARGEST_BYTES));
    at = end;
  }
  return pieces;
}
