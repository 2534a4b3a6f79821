import type { Variant, Workload } from '@tandem/schemas';
import { poissonArrivals } from '@tandem/shared/random';
import { hopAround, IN_MEMORY } from '../model/hop-times.ts';
import { curveTimes, scaledTimes, type CurvePoint, type ServiceTimes } from '../model/service-times.ts';
import { simulate } from '../simulate.ts';
import type { SimulationSpec } from '../spec.ts';
import type { Assumptions } from './assumptions.ts';
import type { MachineKind } from './catalogue.ts';
import { pathPolicy, variantName, type Path } from './path-policy.ts';

/** Measured batch times, by `model.precision`. */
export type Profile = ReadonlyMap<string, readonly CurvePoint[]>;

/** One worker process on a kind of machine. */
export interface Cell {
  machine: MachineKind;
  path: Path;
  /** Batches that run at once. */
  sessions: number;
  cores: number;
  /** Such processes on a machine. */
  perMachine: number;
}

export interface CellOptions {
  workload: Workload;
  variants: readonly Variant[];
  profile: Profile;
  assumptions: Assumptions;
  sloMs: number;
  /** Share of requests that must be in time. */
  inTime: number;
  seed: number;
  /** Batches take so many times as long. @default 1 */
  timesFactor?: number;
}

/** What one process carries. */
export interface CellCapacity {
  perSecond: number;
  p99Ms: number;
  meanBatchSize: number;
  utilisation: number;
  /** Rates that were tried. */
  probes: { perSecond: number; inTimeShare: number; p99Ms: number }[];
}

export function cellOf(machine: MachineKind, path: Path, { processCores }: Assumptions): Cell {
  if (machine.accelerator !== undefined) {
    const { count } = machine.accelerator;
    // A batch runs while the next is packed: one session an accelerator, which the process keeps fed.
    return { machine, path, sessions: 1, cores: machine.cores / count, perMachine: count };
  }
  const cores = Math.min(processCores, machine.cores);
  return { machine, path, cores, sessions: Math.max(1, cores - 1), perMachine: Math.floor(machine.cores / cores) };
}

/** Undefined: nothing is known of the variant there. */
export function timesOn(machine: MachineKind, variant: string, { profile, assumptions, timesFactor = 1 }: Pick<CellOptions, 'profile' | 'assumptions' | 'timesFactor'>): ServiceTimes | undefined {
  const { timesSpread } = assumptions;
  const points = machine.accelerator === undefined ? profile.get(variant) : machine.accelerator.times[variant];
  if (points === undefined) return undefined;
  return scaledTimes(curveTimes(points, timesSpread), timesFactor / (machine.accelerator === undefined ? machine.speed : 1));
}

/** Requests per second of a process that does nothing but full batches of a size that fits the time: an upper bound, and quickly had. */
export function roughCapacity({ machine, path, sessions }: Cell, options: CellOptions): number {
  const { assumptions: { workerCpuMsPerStep }, sloMs } = options;
  let inferenceMs = 0;
  for (const variant of path.variants) {
    const times = timesOn(machine, variantName(variant), options);
    if (times === undefined) return 0;
    const sizes = [1, 2, 4, 8, 16, 32].filter((size) => times.mean(size) <= sloMs / (2 * path.variants.length));
    inferenceMs += sizes.length === 0 ? Infinity : Math.min(...sizes.map((size) => times.mean(size) / size));
  }
  const recordMs = (path.variants.length * workerCpuMsPerStep) / machine.speed;
  return Math.min((sessions * 1_000) / inferenceMs, 1_000 / recordMs);
}

const PROBE_REQUESTS = 5_000;
const LEAST_SECONDS = 0.5;
/** A queue that grows takes a few times the SLO to hurt. */
const LEAST_SLOS = 15;
const BISECTIONS = 5;
/** The deadline is so much before the SLO, for the way back. */
const WAY_HOPS = 2;

function specOf({ machine, path, sessions, cores }: Cell, options: CellOptions, perSecond: number): SimulationSpec {
  const { workload, variants, assumptions, sloMs, seed } = options;
  const { hopMedianMs, hopSpread, workerCpuMsPerStep } = assumptions;
  const hop = hopAround(hopMedianMs, hopSpread);
  const serves = new Map(path.variants.map((variant) => [variantName(variant), [{ name: 'all', share: 1, times: timesOn(machine, variantName(variant), options)! }]]));
  // An accelerator computes beside the cores; otherwise sessions and records share them.
  const shared = machine.accelerator === undefined ? cores : cores + sessions;
  const seconds = Math.max(LEAST_SECONDS, (LEAST_SLOS * sloMs) / 1_000, PROBE_REQUESTS / perSecond);
  return {
    seed, seconds, warmUpSeconds: seconds / 10, policy: pathPolicy(path),
    traffic: [{ workload, arrivals: (random) => poissonArrivals(perSecond, random), tasks: { [path.task]: 1 }, sloMs, deadlineMs: Math.max(1, sloMs - WAY_HOPS * hopMedianMs) }],
    cluster: {
      variants, partitions: 1, workers: [{ instance: 'cell', machine: 'cell', sessions, serves }], machines: { cell: { cores: shared } },
      hops: { requests: hop, tasks: IN_MEMORY, work: hop, outcomes: hop, responses: hop }, stages: { worker: workerCpuMsPerStep / machine.speed },
    },
  };
}

/**
 * What one process is planned with: a share of the most that it carries with so many requests in time, which is found by simulating it at
 * rates between none and its upper bound.
 */
export function cellCapacity(cell: Cell, options: CellOptions): CellCapacity {
  const probes: CellCapacity['probes'] = [];
  const probe = (perSecond: number) => {
    const figures = simulate(specOf(cell, options, perSecond));
    probes.push({ perSecond, inTimeShare: figures.inTimeShare, p99Ms: figures.p99Ms });
    return figures;
  };
  let [low, high] = [0, roughCapacity(cell, options)];
  for (let step = 0; step < BISECTIONS && high > 0; step += 1) {
    const perSecond = (low + high) / 2;
    if (probe(perSecond).inTimeShare >= options.inTime) low = perSecond;
    else high = perSecond;
  }
  const perSecond = low * options.assumptions.plannedShare;
  if (perSecond === 0) return { perSecond, p99Ms: NaN, meanBatchSize: NaN, utilisation: 0, probes };
  const { p99Ms, meanBatchSize, utilisation } = probe(perSecond);
  probes.sort((a, b) => a.perSecond - b.perSecond);
  return { perSecond, p99Ms, meanBatchSize, utilisation: utilisation['cell'] ?? 0, probes };
}
