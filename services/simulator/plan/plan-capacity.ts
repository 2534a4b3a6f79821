import { variantName } from './path-policy.ts';
import { choices, sized } from './make-plan.ts';
import { sensitivityOf } from './sensitivity.ts';
import type { CapacityPlan, PlanRequest } from './types.ts';

/**
 * How many machines of which kind answer a rate within an SLO at least cost, from measured batch times: what one worker process carries is
 * simulated, all else is reckoned from it.
 * @throws {TandemError} `plan_infeasible`, `plan_no_profile`, `plan_hot_key`, each saying what would help
 */
export function planCapacity(request: PlanRequest): CapacityPlan {
  const ways = choices(request).map((choice) => ({ choice, plan: sized(request, choice) })).sort((a, b) => a.plan.costPerHour - b.plan.costPerHour);
  const { choice, plan } = ways[0]!;
  return {
    ...plan,
    alternatives: ways.map(({ choice: { cell, capacity }, plan: { costPerHour } }) => ({
      machine: cell.machine.name, variants: cell.path.variants.map(variantName), accuracy: cell.path.accuracy, perSecondPerProcess: capacity.perSecond, costPerHour,
    })),
    sensitivity: sensitivityOf(request, choice, plan),
  };
}
