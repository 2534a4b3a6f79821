import type { Lane, TaskKind, Workload, WorkloadRule } from '@tandem/schemas';
import { timeOfDay, type TimeOfDay } from './time-of-day.ts';

/** What is known of a request when it is decided what it is. */
export interface RuleEvidence {
  /** Broker's append time, epoch ms. */
  at: number;
  lane: Lane;
  tier: string;
  /** From append until deadline; null: none. */
  givenMs: number | null;
  /** 0..1 */
  activity: number;
  bytes: number;
  /** Of what the models have to read; undefined: the adapter does not say. */
  length: number | undefined;
}

/** What rules set; absent: none that holds sets it. */
export interface RuleResult {
  task?: TaskKind;
  accuracyFloor?: number;
  tier?: string;
  precision?: string;
}

const NOTHING: RuleResult = {};

/** For each thing that can be set, the first rule that holds and sets it. */
export function applyRules({ rules = [], timeZone = 'UTC' }: Pick<Workload, 'rules' | 'timeZone'>, evidence: RuleEvidence): RuleResult {
  if (rules.length === 0) return NOTHING;
  let time: TimeOfDay | undefined;
  const now = () => (time ??= timeOfDay(evidence.at, timeZone));
  // The first shall win: laid over the later ones.
  return rules.filter(({ when }) => holds(when, evidence, now)).reduceRight<RuleResult>((result, { set }) => ({ ...result, ...set }) as RuleResult, {});
}

function holds(when: WorkloadRule['when'], evidence: RuleEvidence, now: () => TimeOfDay): boolean {
  const { lane, tiers, deadlineBelowMs = Infinity, activityBelow = Infinity, activityAbove = -Infinity, payloadAboveBytes = -Infinity } = when;
  const { activity, bytes, givenMs } = evidence;
  if (lane !== undefined && lane !== evidence.lane) return false;
  if (tiers !== undefined && !tiers.includes(evidence.tier)) return false;
  if (deadlineBelowMs !== Infinity && (givenMs ?? Infinity) >= deadlineBelowMs) return false;
  if (activity >= activityBelow || activity <= activityAbove || bytes <= payloadAboveBytes) return false;
  return isOfLength(when, evidence.length) && isAtTime(when, now);
}

function isOfLength({ lengthAbove, lengthBelow }: WorkloadRule['when'], length: number | undefined): boolean {
  if (lengthAbove === undefined && lengthBelow === undefined) return true;
  return length !== undefined && length > (lengthAbove ?? -Infinity) && length < (lengthBelow ?? Infinity);
}

function isAtTime({ from, until, days }: WorkloadRule['when'], now: () => TimeOfDay): boolean {
  if (days !== undefined && !days.includes(now().day)) return false;
  if (from === undefined || until === undefined) return true;
  const [begins, ends, { minutes }] = [minutesOf(from), minutesOf(until), now()];
  return begins <= ends ? minutes >= begins && minutes < ends : minutes >= begins || minutes < ends;
}

function minutesOf(time: string): number {
  return 60 * Number(time.slice(0, 2)) + Number(time.slice(3));
}
