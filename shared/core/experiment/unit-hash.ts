const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
const TWO_TO_32 = 4_294_967_296;

/** The finaliser of MurmurHash3 (Austin Appleby, public domain): each bit of the input changes each bit of the output half of the time. */
function mixed(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Evenly in (0, 1), the same for the same texts in every process. FNV-1a over their UTF-16 code units, finalised. */
export function unitHash(...texts: readonly string[]): number {
  let hash = FNV_OFFSET;
  for (const text of texts) {
    for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME);
    // What no text can hold as one unit keeps ('ab', 'c') and ('a', 'bc') apart.
    hash = Math.imul(hash ^ 0x10000, FNV_PRIME);
  }
  return (mixed(hash) + 0.5) / TWO_TO_32;
}
