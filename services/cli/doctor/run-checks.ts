import { TandemError, messageOf } from '@tandem/shared/errors';
import { failed, skipped, type CheckedFinding, type Finding } from './finding.ts';
import type { Patient } from './patient.ts';

export interface Check {
  name: string;
  /** A check that must have found no failure; else there is nothing to look at. */
  needs?: string;
  /** It is given up by then. @default 15000 */
  limitMs?: number;
  /** How to mend what it throws, where the error does not say. */
  mend?: string;
  run(patient: Patient): Promise<Finding[]>;
}

const LIMIT_MS = 15_000;

/** Runs one check after the other, each within its time; never throws. */
export async function runChecks(checks: readonly Check[], patient: Patient, onCheck: (name: string) => void = () => undefined): Promise<CheckedFinding[]> {
  const all: CheckedFinding[] = [];
  for (const check of checks) {
    onCheck(check.name);
    const isIll = all.some(({ check: name, status }) => name === check.needs && status === 'failed');
    const isAbsent = all.some(({ check: name, status }) => name === check.needs && status === 'skipped');
    if (isAbsent) continue;
    const findings = isIll ? [skipped(`needs ${check.needs ?? ''}, which failed`)] : await runOne(check, patient);
    all.push(...findings.map((finding) => ({ check: check.name, ...finding })));
  }
  return all;
}

async function runOne(check: Check, patient: Patient): Promise<Finding[]> {
  const { limitMs = LIMIT_MS, mend = 'read the message; tandem doctor --log-level debug says more' } = check;
  const { promise: late, resolve } = Promise.withResolvers<Finding[]>();
  const timer = setTimeout(() => resolve([failed('timed_out', `no result within ${limitMs / 1_000} s`, mend)]), limitMs);
  try {
    return await Promise.race([check.run(patient), late]);
  } catch (error) {
    return [failed(error instanceof TandemError ? error.code : 'internal', messageOf(error), mend)];
  } finally {
    clearTimeout(timer);
  }
}
