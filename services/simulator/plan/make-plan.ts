import { TandemError } from '@tandem/shared/errors';
import type { MachineKind } from './catalogue.ts';
import { cellCapacity, cellOf, roughCapacity, timesOn, type Cell, type CellCapacity, type CellOptions } from './cell.ts';
import { pathsOf, variantName } from './path-policy.ts';
import { brokerPlan, compact, edgePlan, redisPlan } from './size-roles.ts';
import { countWorkers, type WorkerCount } from './size-workers.ts';
import type { CapacityPlan, PlanRequest, RolePlan } from './types.ts';

/** So many of the seemingly cheapest ways are simulated. */
const SIMULATED = 3;

/** A way to run it: a path on a kind of machine, and what one process carries. */
export interface Choice {
  cell: Cell;
  capacity: CellCapacity;
}

type Sized = Omit<CapacityPlan, 'alternatives' | 'sensitivity'>;

export function cellOptions({ workload, variants, profile, catalogue: { assumptions }, sloMs, inTime, seed }: PlanRequest): CellOptions {
  return { workload, variants, profile, assumptions, sloMs, inTime, seed };
}

function workerMachines({ catalogue: { machines } }: PlanRequest): MachineKind[] {
  return machines.filter(({ roles }) => roles.includes('worker'));
}

/** Every path on every kind of machine of which the times are known, cheapest per request first. */
function cells(request: PlanRequest): Cell[] {
  const { workload, variants, accuracyFloor, tasks, catalogue: { assumptions } } = request;
  const paths = pathsOf(workload, variants, accuracyFloor, tasks);
  if (paths.length === 0) {
    throw new TandemError(`no plan of ${workload.name} among ${tasks.join(', ')} meets an accuracy floor of ${accuracyFloor}: its best variant is 1; lower the floor or allow more tasks`, { code: 'plan_infeasible' });
  }
  const options = cellOptions(request);
  const known = paths.flatMap((path) => workerMachines(request)
    .filter((machine) => path.variants.every((variant) => timesOn(machine, variantName(variant), options) !== undefined))
    .map((machine) => cellOf(machine, path, assumptions)));
  if (known.length === 0) {
    const wanted = [...new Set(paths.flatMap((path) => path.variants.map(variantName)))].join(', ');
    throw new TandemError(`for no machine with the role worker the batch times of ${wanted} are known: measure them (tandem profile, then --profile), or give the machine accelerator.times`, { code: 'plan_no_profile' });
  }
  const cost = (cell: Cell) => cell.machine.pricePerHour / (cell.perMachine * roughCapacity(cell, options));
  return known.sort((a, b) => cost(a) - cost(b));
}

/** @throws {TandemError} `plan_infeasible`, `plan_no_profile` */
export function choices(request: PlanRequest): Choice[] {
  const all = cells(request);
  const options = cellOptions(request);
  const looked: Choice[] = [];
  for (const cell of all) {
    if (looked.filter(({ capacity }) => capacity.perSecond > 0).length >= SIMULATED) break;
    looked.push({ cell, capacity: cellCapacity(cell, options) });
  }
  const able = looked.filter(({ capacity }) => capacity.perSecond > 0);
  if (able.length > 0) return able;
  throw new TandemError(`within ${request.sloMs} ms no machine of the catalogue answers ${request.inTime * 100} % of even few requests: give a longer --slo, a lower --accuracy-floor, or faster machines`, { code: 'plan_infeasible' });
}

function partitionsFor({ rate, catalogue: { assumptions } }: PlanRequest): number {
  return Math.max(4, Math.ceil(rate / assumptions.partitionRecordsPerSecond));
}

function workerRole({ rate, catalogue: { zones } }: PlanRequest, { cell: { machine, perMachine }, capacity }: Choice, { machines, processesLeft, imbalance }: WorkerCount): RolePlan {
  const needed = (rate * imbalance) / (capacity.perSecond * perMachine);
  return {
    role: 'worker', machine: machine.name, count: machines, needed, because: `${compact(capacity.perSecond)} requests/s a process, ${perMachine} to a machine`,
    costPerHour: machines * machine.pricePerHour, headroomZoneLost: zones === 1 ? -1 : processesLeft / (needed * perMachine) - 1,
  };
}

/** Everything that a choice of workers entails. */
export function sized(request: PlanRequest, choice: Choice): Sized {
  const { rate, sloMs, accuracyFloor, inTime, catalogue } = request;
  const { cell, capacity } = choice;
  const needed = countWorkers(request, cell, capacity, partitionsFor(request));
  const workers = workerRole(request, choice, needed);
  const edge = edgePlan(catalogue, rate, cell.path);
  const { role: broker, log } = brokerPlan(catalogue, rate, cell.path, needed.partitions);
  const { role: redisRole, redis } = redisPlan(catalogue, rate);
  const roles = [workers, edge, broker, redisRole];
  const costPerHour = roles.reduce((sum, role) => sum + role.costPerHour, 0);
  return {
    rate, sloMs, accuracyFloor, inTime, zones: catalogue.zones, currency: catalogue.currency, roles, keys: needed.keys, log, redis, costPerHour,
    costPerMillion: (costPerHour * 1e6) / (rate * 3_600),
    workers: {
      task: cell.path.task, variants: cell.path.variants.map(variantName), accuracy: cell.path.accuracy, machine: cell.machine.name,
      processes: needed.processes, processesZoneLost: needed.processesLeft, sessionsPerProcess: cell.sessions, capacityPerProcess: capacity.perSecond, capacity, imbalance: needed.imbalance,
    },
    assumptions: assumptionTexts(request), warnings: warningsOf(request, roles, needed),
  };
}

function assumptionTexts({ profileSource, catalogue: { assumptions, machines }, keys, rate, inTime, sloMs }: PlanRequest): string[] {
  const a = assumptions;
  return [
    `Batch times: ${profileSource}${machines.some(({ accelerator }) => accelerator !== undefined) ? '; on accelerators as the catalogue has them' : ''}; around them a spread of ${a.timesSpread} (standard deviation of the logarithm).`,
    `Arrivals are a Poisson process of ${compact(rate)} requests/s; ${inTime * 100} % have to be answered within ${sloMs} ms.`,
    `A worker process is planned with ${a.plannedShare * 100} % of what it was simulated to carry.`,
    `Keys: ${compact(keys.count)}, Zipf's exponent ${keys.exponent}; partitions by Kafka's hash of them. A key's requests all go to one worker process.`,
    `A hop through the log takes ${a.hopMedianMs} ms at the median, ${(a.hopMedianMs * Math.exp(2.326 * a.hopSpread)).toFixed(1)} ms at p99; four of them (stages but the workers are chained).`,
    `CPU: ${a.edgeCpuMsPerRequest} ms a request in the chain and ${a.edgeCpuMsPerStep} ms for each further step, ${a.workerCpuMsPerStep} ms a step in the worker beside inference.`,
    `Records: request ${a.requestBytes} bytes, task ${a.taskOverheadBytes} more, result ${a.resultBytes}. Replication ${a.replication}.`,
    `A broker appends ${a.brokerMBs} MB/s and ${compact(a.brokerRecordsPerSecond)} records/s and holds ${compact(a.brokerPartitions)} replicas; a partition takes ${compact(a.partitionRecordsPerSecond)} records/s.`,
    `Redis: ${a.redisOpsPerRequest} commands a request, ${compact(a.redisOpsPerSecond)}/s a process. No result cache and no user prefixes are counted on.`,
  ];
}

function warningsOf({ catalogue, variants, workload }: PlanRequest, roles: readonly RolePlan[], { keys, imbalance }: WorkerCount): string[] {
  const warnings: string[] = [];
  if (catalogue.zones === 1) warnings.push('with one zone nothing is left when it is lost');
  for (const { machine, count, role } of roles) {
    const available = catalogue.machines.find(({ name }) => name === machine)?.available;
    if (available !== undefined && count > available) warnings.push(`${count} ${machine} are needed as ${role}, and ${available} can be had`);
  }
  if (keys.split > 1) warnings.push(`keys are split into ${keys.split}: the order of a key's requests and its worker's cache hold within a sub-key only`);
  if (imbalance > 1.5) warnings.push(`the busiest worker process has ${imbalance.toFixed(1)} times the mean load: split keys, or give more partitions`);
  const stateful = workload.adapter === 'recommend' && variants.some(({ graphs }) => 'step' in graphs);
  if (stateful) warnings.push('cached prefixes of users would make requests of the large model cheaper; the plan does without (docs/user-streams.md)');
  return warnings;
}
