import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DEFAULT_PARTITIONS } from '@tandem/schemas';
import { settingsSchema } from '@tandem/shared/config';
import { REWARD_WEIGHTS, type Policy } from '@tandem/shared/core';
import { burstyArrivals, poissonArrivals, seededRandom, type Arrivals } from '@tandem/shared/random';
import { policyOf } from '../../services/cli/compose/policies.ts';
import { median } from '@tandem/shared/statistics';
import type { Calibration } from './calibrate.ts';
import { evaluateBandit } from './evaluate-bandit.ts';
import { GRADES } from './grades.ts';
import type { GradedModels } from './graded-cluster.ts';
import { predict, type Bounds, type Load } from './predict.ts';
import type { RealStand } from './real-stand.ts';
import type { Tapped, TappedRun } from './tapped.ts';

/** A policy in one situation, simulated or really run. */
export interface PolicyFigures {
  goodputPerSecond: number;
  /** Of all that were offered: not complete within the SLO. */
  missShare: number;
  /** Of complete answers, as a share of the best variant's. */
  meanAccuracy: number;
  /** Session time per 1,000 requests. */
  sessionSecondsPer1000: number;
}

export interface PolicyRow {
  situation: string;
  policy: string;
  offeredPerSecond: number;
  simulated: PolicyFigures;
  /** NaN where only the simulation was asked for. */
  real: PolicyFigures | undefined;
}

export interface PolicyCase {
  name: string;
  settings: { policy: string; precision: string };
  /** A new one for each run: some remember. */
  make(): Policy;
}

/** What this version can serve with; the fixed ones are what the others are measured against. */
export function policyCases(): PolicyCase[] {
  const names = ['threshold', 'deadline-aware', 'optimal-share', 'bandit'].filter((name) => settingsSchema.shape.policy.safeParse(name).success);
  const caseOf = (name: string, policy: string, precision = 'fp32'): PolicyCase => {
    const settings = settingsSchema.parse({ policy, precision });
    return { name, settings: { policy, precision }, make: () => policyOf(settings) };
  };
  return [caseOf('always fp32', 'fixed'), caseOf('always int8', 'fixed', 'int8'), ...names.map((name) => caseOf(name, name))];
}

const SECONDS = 8;
const FAILING = { atSeconds: 2, seconds: 4 };

interface Situation extends Omit<Load, 'arrivals'> {
  name: string;
  arrivals: () => Arrivals;
  failing?: boolean;
}

/**
 * Requests come at the same times whoever serves them, really or simulated: in eight seconds there are some bursts, and another draw of them is half as many requests again.
 * @param capacity requests per second that the most accurate variant can do
 */
export function situations(capacity: number, seed: number): Situation[] {
  const steady = 0.6 * capacity;
  const poisson = (name: string, perSecond: number) => ({ name, perSecond, arrivals: () => poissonArrivals(perSecond, seededRandom(seed, name)), seconds: SECONDS });
  return [
    poisson('steady', steady),
    { ...poisson('bursty', steady), arrivals: () => burstyArrivals({ perSecond: steady, peak: 3, burstMs: 400 }, seededRandom(seed, 'bursty')) },
    poisson('3× overload', 3 * capacity),
    { ...poisson('one variant failing', steady), failing: true, faults: [{ kind: 'variant-failing', variant: 'graded.fp32', ...FAILING }] },
  ];
}

/** Every policy in every situation by the simulator, and those that are to be run really. */
export async function comparePolicies(real: RealStand, calibration: Calibration, { progress, really }: { progress: (text: string) => void; really: boolean }): Promise<PolicyRow[]> {
  const all = situations(calibration.capacityPerSecond.get('graded.fp32')!, real.seed);
  const rows: PolicyRow[] = [];
  for (const one of policyCases()) {
    const isMade = really && one.settings.policy !== 'fixed';
    const measured = isMade ? await measure(real, one, all, calibration) : undefined;
    for (const [index, situation] of all.entries()) {
      const simulated = simulatedFigures(calibration, real.models, one, situation, real.bounds);
      rows.push({ situation: situation.name, policy: one.name, offeredPerSecond: situation.perSecond, simulated, real: measured?.[index] });
    }
    progress(`${one.name}: done`);
  }
  return rows;
}

function simulatedFigures(calibration: Calibration, models: GradedModels, { make }: PolicyCase, situation: Situation, bounds: Bounds): PolicyFigures {
  const { goodputPerSecond, missShare, meanAccuracy, sessionSecondsPer1000 } = predict(calibration, models, make, situation, bounds);
  return { goodputPerSecond, missShare, meanAccuracy, sessionSecondsPer1000 };
}

/** The bandit serves with what it has been evaluated with: here by the times that were calibrated. */
function evaluated({ models: { variants, failingFile }, seed }: RealStand, calibration: Calibration): string[] {
  const times = calibration.timesAt(0);
  const perRequest = (name: string, size: number) => times.get(name)!.mean(size) / size;
  const timed = variants.map((variant) => {
    const name = `${variant.model}.${variant.precision}`;
    return times.has(name) ? { ...variant, lineage: { ...variant.lineage, millisecondsPerRequest: { batch1: perRequest(name, 1), batch32: perRequest(name, 32) } } } : variant;
  });
  const file = join(dirname(failingFile), 'evaluation.json');
  writeFileSync(file, JSON.stringify(evaluateBandit({ variants: timed, weights: REWARD_WEIGHTS, seed })));
  return ['--learning-evaluation', file];
}

async function measure(real: RealStand, { settings: { policy, precision } }: PolicyCase, all: readonly Situation[], calibration: Calibration): Promise<PolicyFigures[]> {
  await using cluster = await real.open(['--policy', policy, '--precision', precision, ...(policy === 'bandit' ? evaluated(real, calibration) : [])]);
  const figures: PolicyFigures[] = [];
  for (const situation of all) figures.push(figuresOf(await runSituation(real, cluster.tapped, situation), situation));
  return figures;
}

async function runSituation({ stand: { brokerPid }, models: { failingFile } }: RealStand, tapped: Tapped, { arrivals, seconds, failing }: Situation): Promise<TappedRun> {
  const timers = failing === true
    ? [setTimeout(() => writeFileSync(failingFile, ''), FAILING.atSeconds * 1_000), setTimeout(() => rmSync(failingFile, { force: true }), (FAILING.atSeconds + FAILING.seconds) * 1_000)]
    : [];
  try {
    return await tapped.run({ arrivals: arrivals(), seconds, partitions: DEFAULT_PARTITIONS, brokerPid });
  } finally {
    for (const timer of timers) clearTimeout(timer);
    rmSync(failingFile, { force: true });
  }
}

function figuresOf({ figures, answers }: TappedRun, { seconds }: Situation): PolicyFigures {
  const complete = answers.filter(({ status }) => status === 'complete');
  const accuracy = ({ variant = '' }: { variant: string | undefined }) => GRADES[variant.split('.').at(-1)!]?.accuracy ?? NaN;
  const sessionMs = complete.reduce((sum, { computeMs, batchSize }) => sum + computeMs / batchSize, 0);
  return {
    goodputPerSecond: figures.inTime / seconds, missShare: 1 - figures.inTimeShare,
    meanAccuracy: complete.reduce((sum, one) => sum + accuracy(one), 0) / complete.length,
    sessionSecondsPer1000: sessionMs / figures.offered,
  };
}

/** Misses that differ by less of all requests are alike. */
const ALIKE_MISSES = 0.01;

/**
 * Whether one policy is at least as good as another where it matters: goodput and misses; accuracy where these are alike. Session time is told beside it: what is spent
 * where there is enough of it is no loss.
 */
export function leads(rows: readonly PolicyRow[], one: string, other: string, of: (row: PolicyRow) => PolicyFigures | undefined): { situation: string; leads: boolean; why: string }[] {
  const names = [...new Set(rows.map(({ situation }) => situation))];
  return names.flatMap((situation) => {
    const find = (policy: string) => rows.find((row) => row.situation === situation && row.policy === policy);
    const [a, b] = [find(one), find(other)].map((row) => (row === undefined ? undefined : of(row)));
    if (a === undefined || b === undefined) return [];
    const goodput = a.goodputPerSecond / b.goodputPerSecond;
    const why = `goodput ×${goodput.toFixed(2)}, misses ${(b.missShare * 100).toFixed(1)} → ${(a.missShare * 100).toFixed(1)} %, accuracy ${b.meanAccuracy.toFixed(4)} → ${a.meanAccuracy.toFixed(4)}, session time ${b.sessionSecondsPer1000.toFixed(2)} → ${a.sessionSecondsPer1000.toFixed(2)} s per 1,000`;
    const missesMore = a.missShare - b.missShare;
    const isClear = goodput > 1.02 || (goodput > 0.98 && missesMore < -ALIKE_MISSES);
    const isLeading = missesMore <= ALIKE_MISSES && (isClear || (goodput > 0.98 && a.meanAccuracy >= b.meanAccuracy - 0.001));
    return [{ situation, leads: isLeading, why }];
  });
}

/** Of all situations: how far simulated goodput is from real. */
export function medianError(rows: readonly PolicyRow[]): number {
  return median(rows.flatMap(({ simulated, real }) => (real === undefined ? [] : [Math.abs(simulated.goodputPerSecond - real.goodputPerSecond) / real.goodputPerSecond])));
}
