/** 0.5 ms … 10 s: the range that a deadline can be set in. */
export const SECONDS_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Powers of two, as batches are. */
export const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256];
/** From what a small model takes of a thrifty core to a large one of an accelerator. */
export const JOULES_BUCKETS = [0.0001, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 100];
