import type { TensorView } from '../../engine/types.ts';

/**
 * The keys and values of all slots: pool [slots, parts…, positions, width]. Whatever a graph gives for new tokens is
 * copied in here, after a look at every number: a graph may read a slot's leftovers and weigh them with 0, and 0 × NaN
 * would pass from one user to the next.
 */
export class PrefixPool {
  readonly slots: number;
  readonly positions: number;
  readonly slotBytes: number;
  readonly #data: Float32Array;
  /** Keys and values of every layer and head. */
  readonly #parts: number;
  readonly #width: number;

  /** @throws {TypeError} where the tensor is not a pool of float32 */
  constructor({ dims, data }: TensorView) {
    if (!(data instanceof Float32Array) || dims.length < 3) throw new TypeError(`a prefix pool is float32 [slots, …, positions, width], not [${dims.join(', ')}]`);
    this.#data = data;
    this.slots = dims[0] ?? 0;
    this.positions = dims.at(-2) ?? 0;
    this.#width = dims.at(-1) ?? 0;
    this.#parts = dims.slice(1, -2).reduce((product, size) => product * size, 1);
    this.slotBytes = 4 * this.#parts * this.positions * this.#width;
  }

  /** @param kv [batch, parts…, length, width] @returns false: not all of it is finite, and nothing was written */
  writePrefix(slot: number, { dims, data }: TensorView, row: number, length: number): boolean {
    const padded = dims.at(-2) ?? 0;
    const source = data as Float32Array;
    const from = (part: number) => (row * this.#parts + part) * padded * this.#width;
    for (let part = 0; part < this.#parts; part += 1) if (!areFinite(source, from(part), length * this.#width)) return false;
    for (let part = 0; part < this.#parts; part += 1) {
      this.#data.set(source.subarray(from(part), from(part) + length * this.#width), this.#at(slot, part, 0));
    }
    return true;
  }

  /** @param kvStep [batch, parts…, width] @returns false: not all of it is finite, and nothing was written */
  writeStep(slot: number, { data }: TensorView, row: number, position: number): boolean {
    const source = data as Float32Array;
    let from = row * this.#parts * this.#width;
    if (!areFinite(source, from, this.#parts * this.#width)) return false;
    for (let part = 0; part < this.#parts; part += 1) {
      let to = this.#at(slot, part, position);
      // So few numbers that a view would cost more than they do.
      for (const end = to + this.#width; to < end; to += 1, from += 1) this.#data[to] = source[from]!;
    }
    return true;
  }

  wipe(slot: number): void {
    this.#data.fill(0, this.#at(slot, 0, 0), this.#at(slot + 1, 0, 0));
  }

  #at(slot: number, part: number, position: number): number {
    return ((slot * this.#parts + part) * this.positions + position) * this.#width;
  }
}

function areFinite(data: Float32Array, from: number, count: number): boolean {
  // 0 × anything finite is 0; the sum needs no branch per number.
  let sum = 0;
  for (let index = from; index < from + count; index += 1) sum += 0 * data[index]!;
  return sum === 0;
}
