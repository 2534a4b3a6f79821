import type { BatchTimes } from './types.ts';

const SMOOTHING = 0.2;
const FRESH_MS = 1_000;
const FEWEST_SAMPLES = 3;
/** How fast the lowest time follows when batches get slower. */
const LOW_DRIFT = 0.05;

/** Moving averages of batches of like size: sizes 1, 2, 3–4, 5–8 … share a cell each. */
interface Cell {
  size: number;
  ms: number;
  /** Mean absolute deviation, ms. */
  deviationMs: number;
}

interface GroupTimes {
  cells: Map<number, Cell>;
  samples: number;
  /** The fastest recent batch, ms. */
  lowMs: number;
  lastAt: number;
  /** Ascending in size and time; undefined: to be computed. */
  curve: Point[] | undefined;
}

interface Point {
  size: number;
  ms: number;
}

/**
 * How long a batch of a size takes, measured online by group: moving average plus mean deviation (as TCP estimates
 * its round trips, RFC 6298), made monotone in the size by pooling adjacent violators, and interpolated.
 */
export class BatchTimeModel implements BatchTimes {
  readonly #groups = new Map<string, GroupTimes>();

  /** @param now epoch ms */
  observe(group: string, size: number, ms: number, now: number): void {
    const times = this.#groupTimes(group);
    const index = Math.ceil(Math.log2(size));
    const cell = times.cells.get(index);
    if (cell === undefined) times.cells.set(index, { size, ms, deviationMs: 0 });
    else update(cell, size, ms);
    times.samples += 1;
    times.lowMs = Math.min(ms, times.lowMs + LOW_DRIFT * Math.max(0, ms - times.lowMs));
    times.lastAt = now;
    times.curve = undefined;
  }

  predict(group: string, size: number): number | undefined {
    const times = this.#groups.get(group);
    if (times === undefined) return undefined;
    times.curve ??= monotone([...times.cells.values()]);
    return interpolate(times.curve, size);
  }

  /** Averages will not do here: after one hiccup they would turn everything away, and nothing would correct them. */
  soonest(group: string, now: number): number {
    const times = this.#groups.get(group);
    const known = times !== undefined && times.samples >= FEWEST_SAMPLES && now - times.lastAt <= FRESH_MS;
    return known ? times.lowMs : 0;
  }

  #groupTimes(group: string): GroupTimes {
    const known = this.#groups.get(group);
    if (known !== undefined) return known;
    const times: GroupTimes = { cells: new Map(), samples: 0, lowMs: Infinity, lastAt: 0, curve: undefined };
    this.#groups.set(group, times);
    return times;
  }
}

function update(cell: Cell, size: number, ms: number): void {
  cell.deviationMs += SMOOTHING * (Math.abs(ms - cell.ms) - cell.deviationMs);
  cell.ms += SMOOTHING * (ms - cell.ms);
  cell.size += SMOOTHING * (size - cell.size);
}

/** Pool adjacent violators: neighbours that fall are replaced by their mean. */
function monotone(cells: Cell[]): Point[] {
  const blocks: (Point & { count: number })[] = [];
  for (const cell of cells.sort((a, b) => a.size - b.size)) {
    let block = { size: cell.size, ms: cell.ms + cell.deviationMs, count: 1 };
    for (let last = blocks.at(-1); last !== undefined && last.ms > block.ms; last = blocks.at(-1)) {
      blocks.pop();
      block = pooled(last, block);
    }
    blocks.push(block);
  }
  return blocks;
}

function pooled(a: Point & { count: number }, b: Point & { count: number }): Point & { count: number } {
  const count = a.count + b.count;
  return { size: (a.size * a.count + b.size * b.count) / count, ms: (a.ms * a.count + b.ms * b.count) / count, count };
}

/** Smaller than measured: the smallest measured, to be safe. Larger: in proportion. */
function interpolate(curve: readonly Point[], size: number): number | undefined {
  const above = curve.findIndex((point) => point.size >= size);
  const upper = curve[above];
  if (upper === undefined) {
    const last = curve.at(-1);
    return last === undefined ? undefined : (last.ms * size) / last.size;
  }
  const lower = curve[above - 1];
  if (lower === undefined) return upper.ms;
  return lower.ms + ((upper.ms - lower.ms) * (size - lower.size)) / (upper.size - lower.size);
}
