import type { Experiment, ExperimentControl } from '@tandem/schemas';
import { since } from './arm-counts.ts';
import { armNamed, controlArm, treatmentArms } from './arms.ts';
import { guardServing, guardShadow } from './guards.ts';
import type { CountsByArm } from './report-book.ts';
import { differenceInterval, type Interval } from './significance.ts';

/** What is to be done about an experiment now, and why. */
export type ExperimentAction =
  | { kind: 'roll_back'; arm: string; why: string }
  | { kind: 'promote'; arm: string; why: string }
  | { kind: 'end'; why: string };

/** How an arm stands against control, by HR@10. */
export type Standing = 'too_early' | 'open' | 'won' | 'lost';

export interface Comparison {
  arm: string;
  difference: Interval;
  standing: Standing;
}

/** Each arm that serves against control, all of them at once with error alpha (Bonferroni). */
export function comparisons(definition: Experiment, counts: CountsByArm): Comparison[] {
  const treatments = treatmentArms(definition);
  const control = counts[controlArm(definition).name];
  return treatments.flatMap(({ name }) => {
    const arm = counts[name];
    if (arm === undefined || control === undefined) return [];
    const difference = differenceInterval(arm, control, { alpha: definition.alpha / treatments.length, effect: definition.expectedEffect });
    const isEarly = Math.min(arm.users, control.users) < definition.minimumUsers;
    return [{ arm: name, difference, standing: isEarly ? 'too_early' : standingOf(definition, difference) }];
  });
}

function standingOf({ goal, margin }: Experiment, { lower, upper }: Interval): Standing {
  const bound = goal === 'better' ? 0 : -margin;
  return lower > bound ? 'won' : upper < bound ? 'lost' : 'open';
}

function described({ difference: { estimate, lower, upper } }: Comparison, { goal, margin }: Experiment): string {
  const against = goal === 'better' ? '' : ` (${margin} less would be not worse)`;
  return `HR@10 ${estimate >= 0 ? '+' : ''}${estimate.toFixed(4)} against control, always-valid interval ${lower.toFixed(4)} to ${upper.toFixed(4)}${against}`;
}

function guarded({ definition, out }: ExperimentControl, now: CountsByArm, windowAgo: CountsByArm): ExperimentAction | undefined {
  const control = controlArm(definition).name;
  const lately = (arm: string) => since(now[arm]!, windowAgo[arm] ?? now[arm]!);
  for (const { name, shadow } of definition.arms) {
    if (name === control || out[name] !== undefined) continue;
    const wrong = shadow === true ? guardShadow(lately(name), definition.guards) : guardServing(lately(name), lately(control), definition.guards);
    if (wrong !== undefined) return { kind: 'roll_back', arm: name, why: `guard rail: ${wrong}` };
  }
  return undefined;
}

function shown({ definition, out, weights }: ExperimentControl, now: CountsByArm): ExperimentAction | undefined {
  const running = comparisons(definition, now).filter(({ arm }) => out[arm] === undefined && (weights[arm] ?? 0) > 0);
  const lost = running.find(({ standing }) => standing === 'lost');
  if (lost !== undefined) return { kind: 'roll_back', arm: lost.arm, why: described(lost, definition) };
  const won = running.filter(({ standing }) => standing === 'won').sort((a, b) => b.difference.estimate - a.difference.estimate)[0];
  if (won === undefined || definition.whenWon === 'wait') return undefined;
  return { kind: 'promote', arm: won.arm, why: described(won, definition) };
}

function isOver({ definition }: ExperimentControl, now: CountsByArm): ExperimentAction | undefined {
  const { endAfterJudged = Infinity } = definition;
  const judged = Object.entries(now).reduce((sum, [name, counts]) => sum + (armNamed(definition, name)?.shadow === true ? 0 : counts.judged), 0);
  return judged < endAfterJudged ? undefined : { kind: 'end', why: `${judged} answers were judged, and nothing was shown` };
}

/**
 * Undefined: it goes on as it is. Guard rails come first, and look at a while; HR@10 at all since the start.
 * @param windowAgo the counts at the beginning of the guard rails' window
 */
export function actionFor(control: ExperimentControl, now: CountsByArm, windowAgo: CountsByArm): ExperimentAction | undefined {
  if (control.state !== 'running') return undefined;
  return guarded(control, now, windowAgo) ?? shown(control, now) ?? isOver(control, now);
}

