import type { ArmCounts, Experiment } from '@tandem/schemas';
import { latencyAt, slowerThan } from './latency-buckets.ts';

/** Standard errors: a guard rail looks every second, and is not to fall for chance. */
const CERTAIN = 3.5;
/** What is slower than control by less is not worth a rollback, whatever the ratio, ms. */
const LEAST_MS = 5;
const SLOW_SHARE = 0.05;

interface Share {
  of: number;
  all: number;
}

/** Whether one share is above another by more than so much, beyond chance. Two more of each kind keep few answers from looking certain (Agresti and Caffo, 2000). */
function exceeds({ of, all }: Share, than: Share, by: number): boolean {
  const share = (of + 1) / (all + 2);
  const other = than.all === 0 ? 0 : (than.of + 1) / (than.all + 2);
  const variance = (share * (1 - share)) / (all + 2) + (than.all === 0 ? 0 : (other * (1 - other)) / (than.all + 2));
  return share - other - CERTAIN * Math.sqrt(variance) > by;
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const shareOf = ({ of, all }: Share) => (all === 0 ? 0 : of / all);

function tooMany(what: string, arm: Share, control: Share, allowed: number): string | undefined {
  if (!exceeds(arm, control, allowed)) return undefined;
  return `${percent(shareOf(arm))} of ${arm.all} answers ${what}, control ${percent(shareOf(control))}, ${percent(allowed)} more are allowed`;
}

/** The 95th percentile is above a bound when more than 5 % are. */
function tooSlow({ answers, latency }: ArmCounts, boundMs: number, named: string): string | undefined {
  const slow = slowerThan(latency, boundMs);
  if (!exceeds({ of: slow, all: answers }, { of: 0, all: 0 }, SLOW_SHARE)) return undefined;
  return `p95 is ${latencyAt(latency, 0.95)?.toFixed(0)} ms over ${answers} answers, ${named}`;
}

function tooSlowForControl(arm: ArmCounts, control: ArmCounts, { p95Ratio, minimumAnswers }: Experiment['guards']): string | undefined {
  if (control.answers < minimumAnswers) return undefined;
  const p95 = latencyAt(control.latency, 0.95) ?? Infinity;
  return tooSlow(arm, Math.max(p95 * p95Ratio, p95 + LEAST_MS), `control ${p95.toFixed(0)} ms, ${p95Ratio} times that is allowed`);
}

/**
 * What is wrong with an arm that serves, by the answers of a while; undefined: nothing, or too little is known. Against control of the same while: what
 * everybody suffers from is not the arm's fault.
 */
export function guardServing(arm: ArmCounts, control: ArmCounts, guards: Experiment['guards']): string | undefined {
  const { minimumAnswers, errorShare, yieldedShare, p95Ms } = guards;
  if (arm.answers < minimumAnswers) return undefined;
  const share = (counts: ArmCounts, name: 'bad' | 'yielded') => ({ of: counts[name], all: counts.answers });
  return tooMany('failed, were degraded or needed another variant', share(arm, 'bad'), share(control, 'bad'), errorShare)
    ?? (p95Ms === undefined ? undefined : tooSlow(arm, p95Ms, `${p95Ms} ms are allowed`))
    ?? tooSlowForControl(arm, control, guards)
    ?? tooMany('came from another variant, since the arm’s would have been late', share(arm, 'yielded'), share(control, 'yielded'), yieldedShare);
}

/** The same for an arm that shadows: nobody waits for it, so only failures count. */
export function guardShadow({ answers, bad }: ArmCounts, { minimumAnswers, errorShare }: Experiment['guards']): string | undefined {
  if (answers < minimumAnswers) return undefined;
  return tooMany('of its copies failed', { of: bad, all: answers }, { of: 0, all: 0 }, errorShare);
}
