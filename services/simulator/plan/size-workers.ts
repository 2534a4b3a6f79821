import { TandemError } from '@tandem/shared/errors';
import { busiestShare, hottestShare, partitionLoads } from './key-skew.ts';
import type { Cell, CellCapacity } from './cell.ts';
import type { KeyPlan, PlanRequest } from './types.ts';

/** Of a process' capacity, what the hottest key may take before keys are split by themselves. */
const HOTTEST_KEPT = 0.25;
/** And after: few large sub-keys would fall unevenly on the processes. */
const HOTTEST_SPLIT = 0.01;
/** Partitions of each process when all are up, at least. */
const PARTITIONS_PER_PROCESS = 2;
const MOST_MACHINES = 100_000;

export interface WorkerCount {
  /** In all zones. */
  machines: number;
  /** In all zones. */
  processes: number;
  /** With a zone lost. */
  processesLeft: number;
  partitions: number;
  /** Of the processes that are left, the load of the busiest ÷ the mean. */
  imbalance: number;
  keys: KeyPlan;
}

function splitOf({ keys, rate }: PlanRequest, perProcess: number): number {
  if (keys.split !== 'auto') return keys.split;
  const hottest = hottestShare({ ...keys, split: 1 }) * rate;
  return hottest <= HOTTEST_KEPT * perProcess ? 1 : Math.ceil(hottest / (HOTTEST_SPLIT * perProcess));
}

function keyPlanOf(request: PlanRequest, perProcess: number): KeyPlan {
  const { rate, keys: { count, exponent } } = request;
  const split = splitOf(request, perProcess);
  const hottestPerSecond = hottestShare({ count, exponent, split: 1 }) * rate;
  return { count, exponent, split, hottestPerSecond, hottestSubKeyPerSecond: hottestPerSecond / split };
}

/** Divides among all processes, and among those that are left when a zone is lost. */
function partitionsOf(processes: number, zones: number, least: number): number {
  const unit = processes * Math.max(1, zones - 1);
  return unit * Math.ceil(Math.max(least, PARTITIONS_PER_PROCESS * processes) / unit);
}

/**
 * How many processes it takes so that with a zone lost also the busiest one, by how its partitions' keys fall, stays within its capacity.
 * @throws {TandemError} `plan_hot_key`
 */
export function countWorkers(request: PlanRequest, { perMachine }: Cell, { perSecond }: CellCapacity, leastPartitions: number): WorkerCount {
  const { rate, catalogue: { zones } } = request;
  const keys = keyPlanOf(request, perSecond);
  if (keys.hottestSubKeyPerSecond > perSecond) throw hotKey(keys, perSecond);
  const left = zones === 1 ? 1 : (zones - 1) / zones;
  let perZone = Math.max(1, Math.ceil(rate / (perSecond * perMachine * left * zones)));
  while (perZone * zones <= MOST_MACHINES) {
    const processes = perZone * zones * perMachine;
    const processesLeft = Math.round(processes * left);
    const partitions = partitionsOf(processes, zones, leastPartitions);
    const busiest = busiestShare(partitionLoads(keys, partitions), processesLeft);
    if (busiest * rate <= perSecond) return { machines: perZone * zones, processes, processesLeft, partitions, imbalance: busiest * processesLeft, keys };
    perZone = Math.max(perZone + 1, Math.ceil(perZone * Math.min(1.5, (busiest * rate) / perSecond)));
  }
  throw hotKey(keys, perSecond);
}

function hotKey({ hottestPerSecond, hottestSubKeyPerSecond, split }: KeyPlan, perSecond: number): TandemError {
  const kept = split === 1 ? 'the hottest key' : `the hottest of ${split} sub-keys`;
  return new TandemError(
    `${kept} brings ${Math.round(hottestSubKeyPerSecond)} requests/s, and all of a key's work goes to one worker process, which carries ${Math.round(perSecond)}: split keys further (--key-split auto, or ${Math.ceil(hottestPerSecond / (HOTTEST_SPLIT * perSecond))})`,
    { code: 'plan_hot_key' },
  );
}
