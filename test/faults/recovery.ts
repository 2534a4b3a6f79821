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
  /** The longest time without a single answer until then, or until the next fault. */
  longestSilenceMs: number;
  /** The longest time without an answer on any one partition: one process's end silences its own partitions only. */
  longestGapMs: number;
  /** False: not before the load ended. */
  recovered: boolean;
  /** Another fault was under way, or began, before answers flowed again: the time contains that one's. */
  overlapped: boolean;
}

const BIN_MS = 100;
const WINDOW_BINS = 20;
/** Answers flow as before when every window of so many bins reaches the share below. */
const HOLD_BINS = 50;
const HEALTHY_SHARE = 0.9;
/** What a backlog's burst may count for: it must not make up for the silence before it. */
const MOST_PER_BIN = 1.5;

/** The rate before a fault is that of so many bins; where an earlier fault has lowered it, half of what is offered at least. */
const BEFORE_BINS = 50;
const LEAST_BEFORE = 0.5;
/** What began when no load was left cannot be measured. */
const LEAST_LOAD_MS = 10_000;

/**
 * How long answers took to flow again at 90 % of the rate before (over 2 s, for 5 s at least) after each fault began, and
 * after it ended; undefined for faults with too little load after them.
 */
export function recoveries(faults: readonly FaultTimes[], flow: FlowTimes): (Recovery | undefined)[] {
  const times = (answers: FlowTimes['answers']) => answers.map(({ at }) => at).toSorted((a, b) => a - b);
  const all = times(flow.answers);
  const byPartition = [...Map.groupBy(flow.answers, ({ partition }) => partition).values()].map(times);
  const counts = countsPerBin(flow);
  return faults.map((fault) => {
    const { startedAt, endedAt } = fault;
    if (startedAt > flow.loadEndedAt - LEAST_LOAD_MS) return undefined;
    const steady = steadyFrom(counts, flow, startedAt);
    const [first, second] = [steady(startedAt), steady(endedAt)];
    const until = Math.max(second ?? flow.loadEndedAt, endedAt);
    // What is silent after the next fault has begun is that one's.
    const silentUntil = faults.reduce((end, other) => (other.startedAt > startedAt ? Math.min(end, other.startedAt) : end), until);
    return {
      fromStartMs: (first ?? flow.loadEndedAt) - startedAt,
      fromEndMs: Math.max(0, (second ?? flow.loadEndedAt) - endedAt),
      longestSilenceMs: longestSilence(all, startedAt, silentUntil),
      longestGapMs: Math.max(0, ...byPartition.map((partition) => longestSilence(partition, startedAt, silentUntil))),
      recovered: second !== undefined,
      overlapped: faults.some((other) => other !== fault && other.startedAt < until && other.endedAt > startedAt),
    };
  });
}

function countsPerBin({ answers, loadStartedAt, loadEndedAt, offeredRate }: FlowTimes): Float64Array {
  const counts = new Float64Array(Math.max(0, Math.floor((loadEndedAt - loadStartedAt) / BIN_MS)));
  for (const { at } of answers) {
    const bin = Math.floor((at - loadStartedAt) / BIN_MS);
    if (bin >= 0 && bin < counts.length) counts[bin]! += 1;
  }
  return counts.map((count) => Math.min(count, MOST_PER_BIN * perBin(offeredRate)));
}

const perBin = (ratePerSecond: number) => (ratePerSecond * BIN_MS) / 1_000;

/** From a time on, the first at which the flow is as before the fault and stays so; undefined where that was not seen. */
function steadyFrom(counts: Float64Array, { loadStartedAt, offeredRate }: FlowTimes, faultAt: number): (at: number) => number | undefined {
  const binOf = (at: number) => Math.max(0, Math.floor((at - loadStartedAt) / BIN_MS));
  const before = counts.slice(Math.max(0, binOf(faultAt) - BEFORE_BINS), binOf(faultAt));
  const mean = before.length === 0 ? Infinity : before.reduce((sum, count) => sum + count, 0) / before.length;
  const usual = Math.max(LEAST_BEFORE * perBin(offeredRate), Math.min(mean, perBin(offeredRate)));
  const healthy = windowSums(counts, WINDOW_BINS).map((sum) => Number(sum >= HEALTHY_SHARE * usual * WINDOW_BINS));
  const windows = HOLD_BINS - WINDOW_BINS + 1;
  const steady = windowSums(healthy, windows);
  return (at) => {
    const found = steady.findIndex((count, bin) => bin >= binOf(at) && count === windows);
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
