import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LARGE, SMALL, twoStepWorkload, variantOf } from '../testing.ts';
import { parseCatalogue } from './catalogue.ts';
import { cellCapacity, cellOf, type CellCapacity } from './cell.ts';
import { cellOptions, choices, sized, type Choice } from './make-plan.ts';
import { pathsOf } from './path-policy.ts';
import { planCapacity } from './plan-capacity.ts';
import type { PlanRequest } from './types.ts';

const catalogue = parseCatalogue(`
machines:
  - { name: w, roles: [worker], cores: 16, memoryGiB: 16, pricePerHour: 1 }
  - { name: other, roles: [edge, broker, redis], cores: 8, memoryGiB: 16, pricePerHour: 1 }
`, 'test');

function request(over: Partial<PlanRequest> = {}): PlanRequest {
  const profile = new Map([['small.fp32', [{ size: 1, ms: 2 }, { size: 32, ms: 32 }]], ['large.fp32', [{ size: 1, ms: 20 }, { size: 32, ms: 320 }]]]);
  return {
    workload: twoStepWorkload(), variants: [SMALL, LARGE], profile, profileSource: 'test', catalogue, rate: 10_000, sloMs: 100, inTime: 0.99, accuracyFloor: 0.95,
    tasks: ['coarse', 'fine', 'full'], keys: { count: 1_000_000, exponent: 0, split: 'auto' }, seed: 1, ...over,
  };
}

const CARRIES: CellCapacity = { perSecond: 500, p99Ms: 20, meanBatchSize: 4, utilisation: 0.8, probes: [] };

function choiceOf(made: PlanRequest): Choice {
  const [path] = pathsOf(made.workload, made.variants, made.accuracyFloor, ['fine']);
  return { cell: cellOf(catalogue.machines[0]!, path!, catalogue.assumptions), capacity: CARRIES };
}

test('with a zone lost every role still carries the rate, and partitions divide evenly before and after', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 2_000_000 }), fc.integer({ min: 2, max: 5 }), fc.double({ min: 0, max: 1.2, noNaN: true }), (rate, zones, exponent) => {
    const made = request({ rate, catalogue: { ...catalogue, zones }, keys: { count: 50_000, exponent, split: 'auto' } });
    const { roles, workers, log } = sized(made, choiceOf(made));
    for (const { count, headroomZoneLost } of roles) {
      expect(count % zones).toBe(0);
      expect(headroomZoneLost).toBeGreaterThanOrEqual(-1e-9);
    }
    expect(log.partitions % workers.processes).toBe(0);
    expect(log.partitions % workers.processesZoneLost).toBe(0);
    expect((rate * workers.imbalance) / workers.processesZoneLost).toBeLessThanOrEqual(CARRIES.perSecond + 1e-6);
  }), { numRuns: 40, seed: 3 });
}, 60_000);

test('a key that is more than one worker carries is refused where it must be kept together, and split otherwise', () => {
  const keys = { count: 60, exponent: 1 };
  const kept = request({ keys: { ...keys, split: 1 } });
  expect(() => sized(kept, choiceOf(kept))).toThrow(expect.objectContaining({ code: 'plan_hot_key', message: expect.stringContaining('2137 requests/s') as string }));
  const apart = request({ keys: { ...keys, split: 'auto' } });
  const plan = sized(apart, choiceOf(apart));
  expect(plan.keys.split).toBeGreaterThan(4);
  expect(plan.keys.hottestSubKeyPerSecond).toBeLessThan(CARRIES.perSecond);
  expect(plan.warnings.join()).toContain('split');
});

test('paths below the floor are left out, and where none is left that is said', () => {
  const name = (floor: number) => pathsOf(twoStepWorkload(), [SMALL, LARGE, variantOf('large', 'int8', 0.96)], floor, ['coarse', 'fine', 'full']).map(({ task, variants }) => `${task} ${variants.map(({ precision }) => precision).join()}`);
  expect(name(0.97)).toEqual(['fine fp32', 'full fp32,fp32']);
  expect(name(0.95)).toEqual(['fine fp32', 'fine int8', 'full fp32,fp32', 'full fp32,int8']);
  expect(name(0.9)).toContain('coarse fp32');
  expect(() => choices(request({ tasks: ['coarse'] }))).toThrow(expect.objectContaining({ code: 'plan_infeasible' }));
});

test('without known times, or within no time at all, there is no plan', () => {
  expect(() => choices(request({ profile: new Map() }))).toThrow(expect.objectContaining({ code: 'plan_no_profile' }));
  expect(() => choices(request({ sloMs: 15, tasks: ['fine'] }))).toThrow(expect.objectContaining({ code: 'plan_infeasible' }));
});

test('what a process carries is below what full batches would give, and slower batches carry less', () => {
  const made = request();
  const { cell } = choiceOf(made);
  const capacity = cellCapacity(cell, { ...cellOptions(made), sloMs: 400 });
  expect(capacity.perSecond).toBeGreaterThan(150);
  expect(capacity.perSecond).toBeLessThan(300);
  expect(capacity.p99Ms).toBeLessThanOrEqual(400);
  expect(cellCapacity(cell, { ...cellOptions(made), sloMs: 400, timesFactor: 2 }).perSecond).toBeLessThan(0.6 * capacity.perSecond);
});

test('a plan says what it would be otherwise, and where that cannot be had, why', () => {
  const { costPerHour, workers, alternatives, sensitivity } = planCapacity(request({ rate: 2_000, sloMs: 60, tasks: ['fine'] }));
  const changed = (words: string) => sensitivity.find(({ change }) => change.startsWith(words))!;
  expect(alternatives[0]).toMatchObject({ variants: ['large.fp32'], costPerHour });
  expect(changed('half the rate').costPerHour).toBeLessThan(costPerHour);
  expect(changed('half the rate').costChange).toBeCloseTo(changed('half the rate').costPerHour / costPerHour - 1, 9);
  expect(changed('twice the rate')).toMatchObject({ rate: 4_000 });
  expect(changed('twice the rate').workers).toBeGreaterThan(workers.processes);
  expect(changed('batches take a quarter longer').workers).toBeGreaterThan(workers.processes);
  expect(changed('SLO 120 ms').workers).toBeLessThanOrEqual(workers.processes);
  // A batch of one takes 20 ms, and four hops nearly as long.
  expect(changed('SLO 30 ms')).toMatchObject({ note: expect.stringContaining('SLO') as string, workers: NaN, costPerHour: NaN });
}, 120_000);
