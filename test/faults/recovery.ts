/** When something was done to the system, epoch ms. */
export interface FaultTimes {
  startedAt: number;
  endedAt: number;
}

export interface FlowTimes {
  /** Append time, epoch ms, and partition of each answer, in any order. */
  answers: readonly { at: number; partition: number }[];
  loadStartedAt: number;
  loadEndedAt: number;
  /** Of the open-loop load, per second. */
  offeredRate: number;
}

export interface Recovery {
  /** From the fault's begin until answers flowed again as before. */
  fromStartMs: number;
  /** From its end (the process continued, the broker started again) until answers flowed again as before. */
  fromEndMs: number;
  /** The longest time without a single answer until then. */
  longestSilenceMs: number;
  /** The longest time without an answer on some partition: one process's end silences its own partitions only. */
  longestGapMs: number;
  /** False: not before the load ended. */
  recovered: boolean;
}

const BIN_MS = 100;
const WINDOW_BINS = 20;
/** Answers flow as before when every window of so many bins reaches the share below. */
const HOLD_BINS = 50;
const HEALTHY_SHARE = 0.9;
/** What a backlog's burst may count for: it must not make up for the silence before it. */
const MOST_PER_BIN = 1.5;

/** What began when no load was left cannot be measured. */
const LEAST_LOAD_MS = 10_000;

/**
 * How long answers took to flow again at 90 % of the offered rate (over 2 s, for 5 s at least) after each fault began,
 * and after it ended;
 * undefined for faults with too little load after them.
 */
export function recoveries(faults: readonly FaultTimes[], flow: FlowTimes): (Recovery | undefined)[] {
  const steady = steadyFrom(flow);
  const all = flow.answers.map(({ at }) => at).toSorted((a, b) => a - b);
  const byPartition = [...Map.groupBy(flow.answers, ({ partition }) => partition).values()].map((answers) => answers.map(({ at }) => at).toSorted((a, b) => a - b));
  return faults.map(({ startedAt, endedAt }) => {
    if (startedAt > flow.loadEndedAt - LEAST_LOAD_MS) return undefined;
    const [first, second] = [startedAt, endedAt].map((at) => steady(at));
    const until = second ?? flow.loadEndedAt;
    return {
      fromStartMs: Math.max(0, (first ?? flow.loadEndedAt) - startedAt),
      fromEndMs: Math.max(0, until - endedAt),
      longestSilenceMs: longestSilence(all, startedAt, Math.max(until, endedAt)),
      longestGapMs: Math.max(0, ...byPartition.map((times) => longestSilence(times, startedAt, Math.max(until, endedAt)))),
      recovered: second !== undefined,
    };
  });
}

/** From a time on, the first at which the flow is as before and stays so; undefined where that was not seen. */
function steadyFrom({ answers, loadStartedAt, loadEndedAt, offeredRate }: FlowTimes): (at: number) => number | undefined {
  const bins = Math.max(0, Math.floor((loadEndedAt - loadStartedAt) / BIN_MS));
  const counts = new Float64Array(bins);
  for (const { at } of answers) {
    const bin = Math.floor((at - loadStartedAt) / BIN_MS);
    if (bin >= 0 && bin < bins) counts[bin]! += 1;
  }
  const perBin = (offeredRate * BIN_MS) / 1_000;
  const healthy = windowSums(counts.map((count) => Math.min(count, MOST_PER_BIN * perBin)), WINDOW_BINS)
    .map((sum) => Number(sum >= HEALTHY_SHARE * perBin * WINDOW_BINS));
  const steady = windowSums(healthy, HOLD_BINS - WINDOW_BINS + 1);
  return (at) => {
    const from = Math.max(0, Math.floor((at - loadStartedAt) / BIN_MS));
    const found = steady.findIndex((count, bin) => bin >= from && count === HOLD_BINS - WINDOW_BINS + 1);
    return found < 0 ? undefined : Math.max(at, loadStartedAt + found * BIN_MS);
  };
}

/** The sum of each `width` neighbours; shorter by `width` − 1 than its input. */
function windowSums(values: Float64Array | readonly number[], width: number): number[] {
  const sums: number[] = [];
  let sum = 0;
  for (const [index, value] of values.entries()) {
    sum += value - (values[index - width] ?? 0);
    if (index >= width - 1) sums.push(sum);
  }
  return sums;
}

function longestSilence(sorted: readonly number[], from: number, to: number): number {
  const within = sorted.filter((at) => at > from && at < to);
  const edges = [from, ...within, to];
  return edges.slice(1).reduce((longest, at, index) => Math.max(longest, at - edges[index]!), 0);
}
