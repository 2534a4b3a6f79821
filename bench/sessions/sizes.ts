/** Of every dimension that the shipped graphs have. */
export const SIZES: Readonly<Record<string, number>> = {
  batch: 8, length: 64, candidates: 100, excluded: 1, slots: 32, positions: 32, tokens: 2, blocks: 2, scored: 1, poolBlocks: 32,
};
