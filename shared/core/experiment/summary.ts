import type { Experiment, ExperimentArm, ExperimentControl } from '@tandem/schemas';
import { noCounts } from './arm-counts.ts';
import { controlArm, servingArms } from './arms.ts';
import { latencyAt } from './latency-buckets.ts';
import type { CountsByArm } from './report-book.ts';
import { hitRateInterval, type Interval } from './significance.ts';
import { comparisons, type Comparison, type Standing } from './verdict.ts';

/** An arm as people read it. */
export interface ArmSummary {
  name: string;
  role: 'control' | 'treatment' | 'shadow';
  /** What runs there. */
  variant: string;
  weight: number;
  /** Of the users who are in it now, or are mirrored, 0..1. */
  share: number;
  /** Why it was rolled back. Absent: it was not. */
  out?: string;
  answers: number;
  /** 0..1; null: no answers. */
  badShare: number | null;
  yieldedShare: number | null;
  p50Ms: number | null;
  p95Ms: number | null;
  users: number;
  judged: number;
  /** 95 % at a moment; null: none was judged. */
  hitRateAt10: Interval | null;
  /** Against control, at all times at once; null: of control and of shadows, or nothing is known. */
  difference: Interval | null;
  standing: Standing | null;
  /** Of an arm that shadows: how much of what it found is in the answers, 0..1; null: nothing was compared. */
  agreement: number | null;
}

export interface ExperimentSummary {
  name: string;
  description: string;
  workload: string;
  model: string;
  state: ExperimentControl['state'];
  goal: Experiment['goal'];
  winner?: string;
  startedAt: number;
  /** Of the last change. */
  why: string;
  by: string;
  time: number;
  revision: number;
  arms: ArmSummary[];
}

function variantText({ model, precision, version, pool }: ExperimentArm, about: string): string {
  const parts = [`${model ?? about}${precision === undefined ? '' : `.${precision}`}`];
  if (version !== undefined) parts.push(`version ${version}`);
  if (pool !== undefined) parts.push(`pool ${pool}`);
  return parts.join(', ');
}

function shareOf(arm: ExperimentArm, { definition, state, weights, winner }: ExperimentControl): number {
  if (state === 'stopped') return 0;
  if (arm.shadow === true) return state === 'running' ? (weights[arm.name] ?? 0) : 0;
  if (state !== 'running') return arm.name === (state === 'promoted' ? winner : controlArm(definition).name) ? 1 : 0;
  const all = servingArms(definition).reduce((sum, { name }) => sum + (weights[name] ?? 0), 0);
  return all === 0 ? (arm === controlArm(definition) ? 1 : 0) : (weights[arm.name] ?? 0) / all;
}

function armSummary(arm: ExperimentArm, control: ExperimentControl, counts: CountsByArm, comparison: Comparison | undefined): ArmSummary {
  const { definition, weights, out } = control;
  const of = counts[arm.name] ?? noCounts();
  const share = (count: number) => (of.answers === 0 ? null : count / of.answers);
  const reason = out[arm.name];
  return {
    name: arm.name,
    role: arm.shadow === true ? 'shadow' : arm === controlArm(definition) ? 'control' : 'treatment',
    variant: variantText(arm, definition.model),
    weight: weights[arm.name] ?? 0,
    share: shareOf(arm, control),
    ...(reason === undefined ? {} : { out: reason }),
    answers: of.answers, badShare: share(of.bad), yieldedShare: share(of.yielded),
    p50Ms: latencyAt(of.latency, 0.5) ?? null, p95Ms: latencyAt(of.latency, 0.95) ?? null,
    users: of.users, judged: of.judged,
    hitRateAt10: of.judged === 0 ? null : hitRateInterval(of),
    difference: comparison === undefined || of.judged === 0 ? null : comparison.difference,
    standing: comparison?.standing ?? null,
    agreement: of.compared === 0 ? null : of.agreed / of.compared,
  };
}

/** An experiment as people read it: for the dashboard and the command line. */
export function summaryOf(control: ExperimentControl, counts: CountsByArm): ExperimentSummary {
  const { definition: { name, description, workload, model, goal, arms }, state, winner, startedAt, why, by, time, revision } = control;
  const compared = comparisons(control.definition, counts);
  return {
    name, description, workload, model, goal, state, startedAt, why, by, time, revision, ...(winner === undefined ? {} : { winner }),
    arms: arms.map((arm) => armSummary(arm, control, counts, compared.find((comparison) => comparison.arm === arm.name))),
  };
}
