import { monotone } from '@tandem/shared/core';

/** Cores that each process needs, at so many requests per second that are offered. */
export type DemandsByRate = (perSecond: number) => number[];

/** What was measured at one rate. */
export interface MeasuredDemand {
  perSecond: number;
  /** By process. */
  cores: Readonly<Record<string, number>>;
}

interface Point {
  perSecond: number;
  cores: number;
}

/**
 * Of each process a line from measured rate to measured rate, never falling (more requests need no less; isotonic regression). Whoever waits for little
 * costs more per request, since few records share what a fetch or a send costs, so no straight line through all would do. Beyond the rates it goes on
 * as between the last two; a process that was not heard of in some runs is known by the others.
 */
export function demandsByRate(measured: readonly MeasuredDemand[]): DemandsByRate {
  const names = [...new Set(measured.flatMap(({ cores }) => Object.keys(cores)))];
  const lines = names.map((name) => monotoneLine(measured.flatMap(({ perSecond, cores }) => (Number.isFinite(cores[name]) ? [{ perSecond, cores: cores[name]! }] : []))));
  return (perSecond) => lines.map((line) => at(line, perSecond));
}

function monotoneLine(points: readonly Point[]): Point[] {
  return monotone(points.map(({ perSecond, cores }) => ({ size: perSecond, ms: cores, samples: 1 }))).map(({ size, ms }) => ({ perSecond: size, cores: ms }));
}

function at(line: readonly Point[], perSecond: number): number {
  const [only, second] = line;
  if (only === undefined) return 0;
  if (second === undefined || perSecond <= only.perSecond) return only.cores;
  const above = line.findIndex((point) => point.perSecond >= perSecond);
  const upper = line.at(above)!;
  const lower = line.at(above < 0 ? -2 : above - 1)!;
  return lower.cores + ((upper.cores - lower.cores) * (perSecond - lower.perSecond)) / (upper.perSecond - lower.perSecond);
}
