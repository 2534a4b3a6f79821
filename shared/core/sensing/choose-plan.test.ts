import { planSchema, planStepSchema, type Workload } from '@tandem/schemas';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { choosePlan } from './choose-plan.ts';
import { chooseTask } from './choose-task.ts';

const step = (id: string, over: object = {}) => planStepSchema.parse({ id, role: 'fine', model: 'm', ...over });
const coarse = step('coarse', { role: 'coarse' });
const fine = step('fine', { after: ['coarse'] });
const plan = (...steps: ReturnType<typeof step>[]) => ({ strategy: 'cascade' as const, steps });
const workload = (plans: Workload['plans']) => ({ name: 'w', plans });

describe('the plan of a task', () => {
  it('is the workload’s own, under the task’s name', () => {
    const plans = { coarse: plan(coarse), full: plan(coarse, fine) };
    expect(choosePlan(workload(plans), 'full', false)).toEqual({ task: 'full', plan: { id: 'full', ...plans.full } });
  });

  it.each([
    ['coarse', ['full', 'fine'], 'full'],
    ['coarse', ['fine'], 'fine'],
    ['fine', ['full', 'coarse'], 'full'],
    ['fine', ['coarse'], 'coarse'],
    ['full', ['fine', 'coarse'], 'fine'],
    ['full', ['coarse'], 'coarse'],
  ] as const)('for %s is, where there are only %j, that for %s', (wanted, present, chosen) => {
    const plans = Object.fromEntries(present.map((task) => [task, plan(step('a'))]));
    expect(choosePlan(workload(plans), wanted, false).task).toBe(chosen);
  });

  it('loses its coarse step and all that named it where the sender gives candidates', () => {
    const cascade = step('large', { after: ['coarse'], skipWhenConfident: 0.9 });
    const merge = step('merge', { after: ['coarse', 'large'], skipWhenConfident: 0.8 });
    const template = { ...plan(coarse, cascade, merge), weights: { coarse: 1, large: 2 } };
    const chosen = choosePlan(workload({ full: template }), 'full', true).plan;
    expect(chosen).toEqual({
      id: 'full', strategy: 'cascade', weights: { large: 2 },
      steps: [step('large'), step('merge', { after: ['large'], skipWhenConfident: 0.8 })],
    });
  });

  it('keeps its coarse step where it has no other', () => {
    expect(choosePlan(workload({ coarse: plan(coarse) }), 'coarse', true).plan.steps).toEqual([coarse]);
  });

  it('is always a valid plan whose steps come after steps of its own', () => {
    const steps = fc.array(fc.tuple(fc.constantFrom('coarse', 'fine', 'member'), fc.nat(50), fc.boolean()), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(steps, fc.boolean(), (roles, hasCandidates) => {
        const template = plan(...roles.map(([role, choice, skips], index) =>
          step(`s${index}`, { role, after: index === 0 ? [] : [`s${choice % index}`], ...(skips && index > 0 ? { skipWhenConfident: 0.9 } : {}) })));
        const chosen = planSchema.parse(choosePlan(workload({ full: template }), 'full', hasCandidates).plan);
        const ids = chosen.steps.map(({ id }) => id);
        expect(chosen.steps.length).toBeGreaterThan(0);
        for (const { after, skipWhenConfident } of chosen.steps) {
          expect(ids).toEqual(expect.arrayContaining(after));
          if (skipWhenConfident !== undefined) expect(after.length).toBeGreaterThan(0);
        }
      }),
    );
  });

  it('never changes the workload', () => {
    const template = Object.freeze({ ...plan(coarse, Object.freeze(fine)), weights: Object.freeze({ coarse: 1 }) });
    expect(() => choosePlan(workload({ full: template }), 'full', true)).not.toThrow();
  });
});

describe('the kind of task', () => {
  const quiet = { hint: undefined, hasCandidates: false, activity: 0.8 };

  it('is the hint, then fine for given candidates, then the default, then by activity', () => {
    const byActivity = { activeAbove: 0.8 };
    const byDefault = { activeAbove: 0.8, defaultTask: 'full' as const };
    expect(chooseTask(byDefault, { hint: 'coarse', hasCandidates: true, activity: 1 })).toBe('coarse');
    expect(chooseTask(byDefault, { ...quiet, hasCandidates: true })).toBe('fine');
    expect(chooseTask(byDefault, quiet)).toBe('full');
    expect(chooseTask(byActivity, quiet)).toBe('coarse');
    expect(chooseTask(byActivity, { ...quiet, activity: 0.801 })).toBe('full');
  });
});
