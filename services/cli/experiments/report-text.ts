import type { ArmSummary, ExperimentSummary } from '@tandem/shared/core';
import { textTable } from '../table.ts';

const NONE = '–';
const words = (text: string) => text.replaceAll('_', ' ');
const percent = (share: number | null) => (share === null ? NONE : `${(100 * share).toFixed(1)} %`);
const milliseconds = (ms: number | null) => (ms === null ? NONE : ms.toFixed(ms < 10 ? 1 : 0));
const signed = (value: number) => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;

function hitRate({ hitRateAt10 }: ArmSummary): string {
  return hitRateAt10 === null ? NONE : `${hitRateAt10.estimate.toFixed(3)} [${hitRateAt10.lower.toFixed(3)}, ${hitRateAt10.upper.toFixed(3)}]`;
}

function standing({ difference, standing: of, role, agreement, out }: ArmSummary): string {
  if (out !== undefined) return 'rolled back';
  if (role === 'shadow') return agreement === null ? NONE : `agrees ${percent(agreement)}`;
  if (difference === null) return NONE;
  return `${signed(difference.estimate)} [${signed(difference.lower)}, ${signed(difference.upper)}] ${words(of ?? '')}`;
}

const HEAD = ['arm', 'runs', 'users', 'answers', 'bad', 'yielded', 'p50 ms', 'p95 ms', 'judged', 'HR@10 [95 %]', 'against control [always valid]'];

function row(arm: ArmSummary): string[] {
  const { name, role, variant, share, answers, badShare, yieldedShare, p50Ms, p95Ms, judged } = arm;
  return [
    role === 'treatment' ? name : `${name} (${role})`, variant, percent(share), String(answers), percent(badShare), percent(yieldedShare), milliseconds(p50Ms), milliseconds(p95Ms),
    String(judged), hitRate(arm), standing(arm),
  ];
}

/** All of one experiment. */
export function reportText({ name, description, workload, model, state, winner, goal, why, by, time, startedAt, arms }: ExperimentSummary): string {
  const now = state === 'promoted' ? `promoted: ${winner ?? ''}` : words(state);
  const outs = arms.flatMap(({ name: arm, out }) => (out === undefined ? [] : [`${arm} was rolled back: ${out}`]));
  return [
    `${name}: ${now}${description === '' ? '' : ` · ${description}`}`,
    `${model} of ${workload}, since ${new Date(startedAt).toISOString()}; an arm wins that is ${words(goal)}`,
    `last change ${new Date(time).toISOString()} by ${by}: ${why}`,
    textTable(HEAD, arms.map(row)),
    ...outs,
  ].join('\n');
}

export function listText(summaries: readonly ExperimentSummary[]): string {
  if (summaries.length === 0) return 'There is no experiment. tandem experiment start FILE starts one.';
  return textTable(['experiment', 'state', 'about', 'arms', 'judged', 'last change'], summaries.map(({ name, state, winner, model, workload, arms, why, by }) => [
    name, state === 'promoted' ? `promoted ${winner ?? ''}` : words(state), `${model} of ${workload}`,
    arms.map((arm) => `${arm.name} ${percent(arm.share)}${arm.out === undefined ? '' : ' (rolled back)'}`).join(', '),
    String(arms.reduce((sum, { judged }) => sum + judged, 0)), `${by}: ${why}`,
  ]));
}
