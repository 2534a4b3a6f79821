import type { BatchTimePoint } from '@tandem/schemas';
import { batchMs, monotone } from '../profile/index.ts';
import type { BatchTimes } from './types.ts';

const SMOOTHING = 0.2;
const FRESH_MS = 1_000;
const FEWEST_SAMPLES = 3;
/** How fast the lowest time follows when batches get slower. */
const LOW_DRIFT = 0.05;
/** One batch says no more than so many deviations (or parts of the mean) from it: a pause of the process is not the model's time. */
const MOST_DEVIATIONS = 6;
const LEAST_ROOM = 0.5;

/** Moving averages of batches of like size: sizes 1, 2, 3–4, 5–8 … share a cell each. */
interface Cell {
  size: number;
  ms: number;
  /** What it tells of itself. */
  readonly point: BatchTimePoint;
  /** Mean absolute deviation, ms. */
  deviationMs: number;
  samples: number;
}

interface GroupTimes {
  /** By the logarithm of their sizes, so ascending. */
  cells: (Cell | undefined)[];
  /** Of all cells; brought up to date by each batch, in its place. */
  points: BatchTimePoint[];
  samples: number;
  /** The fastest recent batch, ms. */
  lowMs: number;
  lastAt: number;
  /** Ascending in size and time; undefined: to be computed. */
  curve: readonly BatchTimePoint[] | undefined;
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
    const cell = times.cells[index];
    if (cell === undefined) addCell(times, index, size, ms);
    else update(cell, size, ms);
    times.samples += 1;
    times.lowMs = Math.min(ms, times.lowMs + LOW_DRIFT * Math.max(0, ms - times.lowMs));
    times.lastAt = now;
    times.curve = undefined;
  }

  predict(group: string, size: number): number | undefined {
    const times = this.#groups.get(group);
    if (times === undefined) return undefined;
    times.curve ??= monotone(times.points);
    return batchMs(times.curve, size);
  }

  /** What is known of batches by their size, ascending; points that rest on fewer batches are left out. */
  points(group: string, fewestSamples: number): BatchTimePoint[] {
    const points = this.#groups.get(group)?.points ?? [];
    return [...monotone(points.filter(({ samples }) => samples >= fewestSamples).map((point) => ({ ...point })))];
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
    const times: GroupTimes = { cells: [], points: [], samples: 0, lowMs: Infinity, lastAt: 0, curve: undefined };
    this.#groups.set(group, times);
    return times;
  }
}

function addCell(times: GroupTimes, index: number, size: number, ms: number): void {
  times.cells[index] = { size, ms, point: { size, ms, samples: 1 }, deviationMs: 0, samples: 1 };
  times.points = times.cells.flatMap((cell) => cell?.point ?? []);
}

/** Larger changes are followed too, in several steps: each widens the deviation. */
function update(cell: Cell, size: number, ms: number): void {
  const room = Math.max(MOST_DEVIATIONS * cell.deviationMs, LEAST_ROOM * cell.ms);
  const change = Math.max(-room, Math.min(room, ms - cell.ms));
  cell.deviationMs += SMOOTHING * (Math.abs(change) - cell.deviationMs);
  cell.ms += SMOOTHING * change;
  cell.size += SMOOTHING * (size - cell.size);
  cell.samples += 1;
  cell.point.size = cell.size;
  cell.point.ms = cell.ms + cell.deviationMs;
  cell.point.samples = cell.samples;
}
