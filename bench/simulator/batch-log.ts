import type { LoggedStep } from './step-log.ts';

/** A batch that ran, as its steps tell of it; times in ms. */
export interface LoggedBatch {
  size: number;
  computeMs: number;
  beganAt: number;
  endedAt: number;
  /** When the first of its steps was dispatched. */
  dispatchedAt: number;
  partition: number;
}

/** Times are told in hundredths: the same batch's steps agree so far. */
const SAME_MS = 0.05;

/** In the order of their ends. A batch of n is told of by n steps. */
export function batchesOf(steps: readonly LoggedStep[]): LoggedBatch[] {
  const open = new Map<string, { batch: LoggedBatch; missing: number }>();
  const batches: LoggedBatch[] = [];
  for (const { ran, dispatchedAt, partition } of steps.toSorted((a, b) => (a.ran?.endedAt ?? 0) - (b.ran?.endedAt ?? 0))) {
    if (ran === undefined) continue;
    const { size, computeMs, endedAt } = ran;
    const key = `${size} ${computeMs}`;
    const known = open.get(key);
    if (known !== undefined && known.missing > 0 && endedAt - known.batch.endedAt <= SAME_MS) {
      known.missing -= 1;
      known.batch.dispatchedAt = Math.min(known.batch.dispatchedAt, dispatchedAt);
    } else {
      const batch: LoggedBatch = { size, computeMs, beganAt: endedAt - computeMs, endedAt, dispatchedAt, partition };
      open.set(key, { batch, missing: size - 1 });
      batches.push(batch);
    }
  }
  return batches;
}

/** So often two partitions have to meet in a batch: two batches of two workers may once look alike. */
const FEWEST_MEETINGS = 3;

/** Which partitions are the same worker's: those that meet in batches. By partition, the least one of its worker. */
function workersOf(steps: readonly LoggedStep[]): (partition: number) => number {
  const meetings = new Map<number, Map<number, number>>();
  const batches = Map.groupBy(steps.filter(({ ran }) => (ran?.size ?? 0) > 1), ({ ran }) => `${ran!.size} ${ran!.computeMs} ${ran!.endedAt.toFixed(1)}`);
  for (const same of batches.values()) {
    const partitions = new Set(same.map(({ partition }) => partition));
    for (const one of partitions) for (const other of partitions) if (one < other) count(meetings, one, other);
  }
  const leads = new Map<number, number>();
  const leadOf = (partition: number): number => {
    const lead = leads.get(partition) ?? partition;
    return lead === partition ? lead : leadOf(lead);
  };
  for (const [one, others] of meetings) {
    for (const [other, times] of others) if (times >= FEWEST_MEETINGS) leads.set(Math.max(leadOf(one), leadOf(other)), Math.min(leadOf(one), leadOf(other)));
  }
  return leadOf;
}

function count(meetings: Map<number, Map<number, number>>, one: number, other: number): void {
  const others = meetings.get(one) ?? new Map<number, number>();
  meetings.set(one, others.set(other, (others.get(other) ?? 0) + 1));
}

/**
 * How long sessions had nothing to do although work had been there when their last batch ended, ms, of each batch that followed another: until the worker's
 * own thread had a core, took the results, formed a batch and gave it to the session.
 */
export function handOversOf(steps: readonly LoggedStep[]): number[] {
  const workerOf = workersOf(steps);
  const byWorker = Map.groupBy(batchesOf(steps), ({ partition }) => workerOf(partition));
  return [...byWorker.values()].flatMap((batches) => batches.flatMap(({ beganAt, dispatchedAt }, index) => {
    const before = batches[index - 1];
    return before === undefined || dispatchedAt > before.beganAt ? [] : [Math.max(0, beganAt - before.endedAt)];
  }));
}
