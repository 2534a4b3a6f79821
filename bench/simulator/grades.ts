/** The environment variable that names a file: while it is there, fp32 fails. */
export const FAILING_FILE = 'TANDEM_BENCH_FAILING_FILE';

interface Grade {
  /** Products of 256 × 256 matrices; some 0.5 ms each on one core of a server. */
  roundsPerRequest: number;
  /** As a share of the best. */
  accuracy: number;
}

/** A made-up model at two precisions: what the cheap one saves and loses is like INT8 on a CPU. Heavy enough that the models, not the pipe, set the capacity. */
export const GRADES: Readonly<Record<string, Grade>> = {
  fp32: { roundsPerRequest: 12, accuracy: 1 },
  int8: { roundsPerRequest: 5, accuracy: 0.98 },
};
