import { decompressBlock } from 'lz4js';

const MAGIC = 0x184d2204;
const VERSION = 1;
const HAS = { blockChecksum: 0x10, contentSize: 0x08, dictionary: 0x01 };
/** By the number in the descriptor. */
const BLOCK_BYTES: Readonly<Record<number, number>> = { 4: 65_536, 5: 262_144, 6: 1_048_576, 7: 4_194_304 };
const STORED = 0x80000000;
/** No byte of a compressed block stands for more. */
const LARGEST_RATIO = 255;

interface Block {
  from: number;
  bytes: number;
  isStored: boolean;
}

/**
 * Reads an LZ4 frame; of lz4js only the blocks are used, since it looks for a block's checksum in front of the block and cuts off what
 * does not fit, without an error. Checksums are passed over: Kafka has one of the whole batch.
 * Source of the format: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
 * @throws {RangeError} where the frame is damaged, or would come to more than `largest` bytes
 */
export function unlz4(bytes: Buffer, largest: number): Buffer {
  if (bytes.length < 7 || bytes.readUInt32LE(0) !== MAGIC) throw damaged('no LZ4 frame');
  const [flags, blockBytes] = [bytes[4] ?? 0, BLOCK_BYTES[((bytes[5] ?? 0) >> 4) & 7]];
  if (flags >> 6 !== VERSION || blockBytes === undefined) throw damaged('an LZ4 frame of an unknown version');
  if ((flags & HAS.dictionary) !== 0) throw damaged('an LZ4 frame with a dictionary');
  const isSized = (flags & HAS.contentSize) !== 0;
  const blocks = blocksOf(bytes, isSized ? 15 : 7, (flags & HAS.blockChecksum) !== 0 ? 4 : 0);
  const bound = blocks.reduce((sum, block) => sum + (block.isStored ? block.bytes : Math.min(blockBytes, block.bytes * LARGEST_RATIO)), 0);
  const room = Math.min(bound, isSized ? Number(bytes.readBigUInt64LE(6)) : bound);
  if (room > largest) throw damaged(`an LZ4 frame of ${room} bytes`);
  return filled(bytes, blocks, Buffer.alloc(room));
}

/** @param checksumBytes that follow each block */
function blocksOf(bytes: Buffer, start: number, checksumBytes: number): Block[] {
  const blocks: Block[] = [];
  for (let at = start; ;) {
    if (at + 4 > bytes.length) throw damaged('an LZ4 frame that is cut off');
    const word = bytes.readUInt32LE(at);
    if (word === 0) return blocks;
    const block = { from: at + 4, bytes: word % STORED, isStored: word >= STORED };
    at = block.from + block.bytes + checksumBytes;
    if (at > bytes.length) throw damaged('an LZ4 frame that is cut off');
    blocks.push(block);
  }
}

function filled(bytes: Buffer, blocks: readonly Block[], target: Buffer): Buffer {
  let length = 0;
  for (const block of blocks) {
    if (block.isStored) length += bytes.copy(target, length, block.from, block.from + block.bytes);
    else length = decompressBlock(bytes, target, block.from, block.bytes, length);
    if (!(length <= target.length)) throw damaged('a damaged LZ4 frame');
  }
  return target.subarray(0, length);
}

function damaged(what: string): RangeError {
  return new RangeError(`${what} in a record batch`);
}
