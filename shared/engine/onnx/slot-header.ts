/** The first bytes of a lease's buffer say what to run: graph, dimension sizes; and how long it took. */
export const HEADER_BYTES = 256;
const COMPUTE_MS = HEADER_BYTES / 8 - 1;
const GRAPH = 0;
const SIZES = 1;
export const MAX_DIMENSIONS = 32;

export class SlotHeader {
  readonly #words: Int32Array;
  readonly #times: Float64Array;

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer, 0, HEADER_BYTES / 4);
    this.#times = new Float64Array(buffer, 0, HEADER_BYTES / 8);
  }

  write(graph: number, sizes: readonly number[]): void {
    this.#words[GRAPH] = graph;
    this.#words.set(sizes, SIZES);
  }

  get graph(): number {
    return this.#words[GRAPH] ?? -1;
  }

  sizes(count: number): Int32Array {
    return this.#words.subarray(SIZES, SIZES + count);
  }

  get computeMs(): number {
    return this.#times[COMPUTE_MS] ?? 0;
  }

  set computeMs(value: number) {
    this.#times[COMPUTE_MS] = value;
  }
}
