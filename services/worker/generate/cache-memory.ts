import type { CacheFormat } from '@tandem/shared/core';
import type { TensorView } from '@tandem/shared/engine';

/** Larger numbers have no FP16. */
const LARGEST_HALF = 65_504;
const LARGEST_BYTE = 127;
/** Where a vector is all zeros, its scale must not be. */
const LEAST_SCALE = 1e-12;

type Numbers = Float32Array | Float16Array | Int8Array;

/**
 * Keys and values of all blocks: pool [blocks, parts, heads, positions, width] in FP32, FP16, or in bytes with a scale for each
 * vector. Numbers are looked at before they are written: a graph weighs what it must not see with 0, and 0 × NaN would pass from
 * one sequence to the next.
 */
export class CacheMemory {
  readonly blocks: number;
  readonly positions: number;
  readonly blockBytes: number;
  readonly #data: Numbers;
  readonly #scales: Float32Array | undefined;
  /** All of it, to be wiped: over shared memory words are filled many times faster than smaller numbers. */
  readonly #words: readonly Float64Array[];
  /** Keys and values of every layer and head. */
  readonly #vectors: number;
  readonly #width: number;

  /** @throws {TypeError} where the tensors are not such memory */
  constructor(format: CacheFormat, { dims, data }: TensorView, scales?: TensorView) {
    if (dims.length !== 5 || (format === 'int8') !== (scales !== undefined)) throw new TypeError(`a ${format} cache is not a pool [${dims.join(', ')}]`);
    this.#data = numbersOf(format, data);
    this.#scales = scales?.data as Float32Array | undefined;
    this.#words = [this.#data, ...(this.#scales === undefined ? [] : [this.#scales])].map(wordsOf);
    this.blocks = dims[0]!;
    this.positions = dims[3]!;
    this.#width = dims[4]!;
    this.#vectors = dims[1]! * dims[2]!;
    this.blockBytes = (this.#data.byteLength + (this.#scales?.byteLength ?? 0)) / this.blocks;
  }

  /**
   * Writes a row's new tokens behind those that it has.
   * @param kv [batch, parts, heads, tokens, width]
   * @param from position of the first of them
   * @returns false: not all of it can be kept, and nothing was written
   */
  write(blocks: readonly number[], from: number, { dims, data }: TensorView, row: number, count: number): boolean {
    const tokens = dims[3] ?? 0;
    const source = data as Float32Array;
    const start = (vector: number) => (row * this.#vectors + vector) * tokens * this.#width;
    for (let vector = 0; vector < this.#vectors; vector += 1) if (!this.#canKeep(source, start(vector), count * this.#width)) return false;
    for (let token = 0; token < count;) {
      const place = (from + token) % this.positions;
      const run = Math.min(count - token, this.positions - place);
      const block = blocks[Math.floor((from + token) / this.positions)]!;
      for (let vector = 0; vector < this.#vectors; vector += 1) this.#writeRun(source, start(vector) + token * this.#width, (block * this.#vectors + vector) * this.positions + place, run);
      token += run;
    }
    return true;
  }

  wipe(block: number): void {
    for (const words of this.#words) words.fill(0, (block * words.length) / this.blocks, ((block + 1) * words.length) / this.blocks);
  }

  /** @param at which vector of the pool is the first */
  #writeRun(source: Float32Array, from: number, at: number, count: number): void {
    if (this.#scales === undefined) return this.#copy(source, from, at * this.#width, count * this.#width);
    for (let index = 0; index < count; index += 1) this.#quantise(source, from + index * this.#width, at + index);
  }

  #copy(source: Float32Array, from: number, to: number, count: number): void {
    if (count > this.#width) return this.#data.set(source.subarray(from, from + count), to);
    // So few numbers that a view would cost more than they do.
    for (let index = 0; index < count; index += 1) this.#data[to + index] = source[from + index]!;
  }

  /** Symmetric, one scale a vector. */
  #quantise(source: Float32Array, from: number, at: number): void {
    let largest = LEAST_SCALE;
    for (let index = from; index < from + this.#width; index += 1) largest = Math.max(largest, Math.abs(source[index]!));
    const scale = largest / LARGEST_BYTE;
    this.#scales![at] = scale;
    const to = at * this.#width;
    for (let index = 0; index < this.#width; index += 1) this.#data[to + index] = Math.round(source[from + index]! / scale);
  }

  #canKeep(source: Float32Array, from: number, count: number): boolean {
    const largest = this.#data instanceof Float16Array ? LARGEST_HALF : Number.MAX_VALUE;
    for (let index = from; index < from + count; index += 1) if (!(Math.abs(source[index]!) <= largest)) return false;
    return true;
  }
}

function wordsOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Float64Array {
  return new Float64Array(buffer, byteOffset, byteLength / Float64Array.BYTES_PER_ELEMENT);
}

function numbersOf(format: CacheFormat, data: TensorView['data']): Numbers {
  if (format === 'fp32' && data instanceof Float32Array) return data;
  if (format === 'fp16' && data instanceof Uint16Array) return new Float16Array(data.buffer, data.byteOffset, data.length);
  if (format === 'int8' && data instanceof Int8Array) return data;
  throw new TypeError(`a ${format} cache is not made of ${data.constructor.name}`);
}
