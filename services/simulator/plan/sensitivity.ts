import { TandemError } from '@tandem/shared/errors';
import { cellCapacity, type CellOptions } from './cell.ts';
import { cellOptions, sized, type Choice } from './make-plan.ts';
import type { CapacityPlan, PlanRequest, SensitivityRow } from './types.ts';

interface Change {
  change: string;
  request?: Partial<PlanRequest>;
  cell?: Partial<CellOptions>;
  assumptions?: Partial<PlanRequest['catalogue']['assumptions']>;
}

function changesOf({ rate, sloMs, keys, catalogue: { assumptions } }: PlanRequest): Change[] {
  return [
    { change: 'half the rate', request: { rate: rate / 2 } },
    { change: 'twice the rate', request: { rate: rate * 2 } },
    { change: `SLO ${sloMs / 2} ms`, request: { sloMs: sloMs / 2 } },
    { change: `SLO ${sloMs * 2} ms`, request: { sloMs: sloMs * 2 } },
    { change: 'batches take a quarter longer', cell: { timesFactor: 1.25 } },
    { change: 'records cost half as much again', assumptions: { workerCpuMsPerStep: 1.5 * assumptions.workerCpuMsPerStep, edgeCpuMsPerRequest: 1.5 * assumptions.edgeCpuMsPerRequest } },
    { change: 'hops take twice as long', assumptions: { hopMedianMs: 2 * assumptions.hopMedianMs } },
    { change: `keys more unequal, exponent ${(keys.exponent + 0.3).toFixed(1)}`, request: { keys: { ...keys, exponent: keys.exponent + 0.3 } } },
    { change: 'requests twice as large', assumptions: { requestBytes: 2 * assumptions.requestBytes } },
  ];
}

/** What the plan costs where something is otherwise, with the same variants on the same machines. */
export function sensitivityOf(request: PlanRequest, choice: Choice, plan: Pick<CapacityPlan, 'costPerHour'>): SensitivityRow[] {
  return changesOf(request).map((change) => row(request, choice, plan, change));
}

function row(base: PlanRequest, { cell, capacity }: Choice, plan: Pick<CapacityPlan, 'costPerHour'>, { change, request = {}, cell: cellOver = {}, assumptions = {} }: Change): SensitivityRow {
  const catalogue = { ...base.catalogue, assumptions: { ...base.catalogue.assumptions, ...assumptions } };
  const changed: PlanRequest = { ...base, ...request, catalogue };
  const isSameCell = request.sloMs === undefined && Object.keys(cellOver).length + Object.keys(assumptions).length === 0;
  try {
    const again = isSameCell ? capacity : cellCapacity(cell, { ...cellOptions(changed), ...cellOver });
    if (again.perSecond === 0) return failing(change, changed.rate, 'not within the SLO on these machines');
    const { roles, workers, costPerHour } = sized(changed, { cell, capacity: again });
    return { change, rate: changed.rate, workers: workers.processes, machines: roles.reduce((sum, { count }) => sum + count, 0), costPerHour, costChange: costPerHour / plan.costPerHour - 1 };
  } catch (error) {
    if (!(error instanceof TandemError)) throw error;
    return failing(change, changed.rate, error.message);
  }
}

function failing(change: string, rate: number, note: string): SensitivityRow {
  return { change, rate, workers: NaN, machines: NaN, costPerHour: NaN, costChange: NaN, note };
}
