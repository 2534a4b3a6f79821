/**
 * int64 as its callers see it and as the runtime does. JavaScript has a BigInt for each number of 64 bits; ids, counts and classes fit into 32, so these
 * cross the thread boundary, and the inference thread copies between the two.
 */
export interface WideIntegers {
  /** Name of the tensor. */
  name: string;
  narrow: Int32Array;
  /** The same numbers for the runtime, low word first. */
  words: Int32Array;
}

export function widen({ narrow, words }: WideIntegers): void {
  for (let index = 0; index < narrow.length; index += 1) {
    const value = narrow[index]!;
    words[2 * index] = value;
    words[2 * index + 1] = value >> 31;
  }
}

/** @throws {RangeError} where a number does not fit into 32 bits */
export function narrow({ name, narrow: target, words }: WideIntegers): void {
  for (let index = 0; index < target.length; index += 1) {
    const low = words[2 * index]!;
    if (words[2 * index + 1] !== low >> 31) throw new RangeError(`${name} has a number that does not fit into 32 bits; its callers get no larger ones`);
    target[index] = low;
  }
}

/** Of an output that the runtime has allocated. @throws {RangeError} as above */
export function narrowed(name: string, data: BigInt64Array): Int32Array {
  const target = new Int32Array(data.length);
  narrow({ name, narrow: target, words: new Int32Array(data.buffer, data.byteOffset, 2 * data.length) });
  return target;
}
