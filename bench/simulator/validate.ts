import { DEFAULT_PARTITIONS } from '@tandem/schemas';
import { fixedPolicy } from '@tandem/shared/core';
import { poissonArrivals, seededRandom } from '@tandem/shared/random';
import type { Fault } from '@tandem/simulator';
import type { Calibration } from './calibrate.ts';
import { predict, type Bounds, type Load, type Predicted } from './predict.ts';
import type { GradedModels } from './graded-cluster.ts';
import type { Tapped } from './tapped.ts';

export interface Validated {
  run: string;
  perSecond: number;
  predicted: { goodputPerSecond: number; p99Ms: number };
  measured: { goodputPerSecond: number; p99Ms: number };
  /** (predicted − measured) ÷ measured. */
  goodputError: number;
  p99Error: number;
  /** Goodput within 10 % and p99 within 25 %. */
  isWithin: boolean;
}

export const GOODPUT_BOUND = 0.1;
export const P99_BOUND = 0.25;
const LOST_AT_SECONDS = 4;
/**
 * What lay unread is answered late when it is found, as far as its deadline allows: as many requests as half of the rate brings in one. Of a run of
 * 18 seconds these are 1.2 % of all, so that its p99 is the latency of one of the first of them, and simulated runs that differ by nothing but the seed
 * have p99s from 90 to 293 ms. Of this one they are half a per cent, and 20 seeds give 59 to 130 ms; what is late shows in goodput.
 */
const LOSS_SECONDS = 40;

interface Run {
  name: string;
  /** Of the capacity that was calibrated. */
  share: number;
  seconds: number;
  faults?: readonly Fault[];
}

const RUNS: readonly Run[] = [
  { name: 'under load', share: 0.5, seconds: 10 },
  { name: 'at capacity', share: 1, seconds: 10 },
  { name: 'overload', share: 2, seconds: 10 },
  { name: 'one worker lost', share: 0.4, seconds: LOSS_SECONDS, faults: [{ kind: 'worker-lost', instance: 'worker-2', atSeconds: LOST_AT_SECONDS }] },
];

/** Each run is predicted first, then made. The last one leaves a worker dead. */
export async function validate(tapped: Tapped, calibration: Calibration, models: GradedModels, variant: string, bounds: Bounds, { brokerPid, seed, progress }: { brokerPid: number | undefined; seed: number; progress: (text: string) => void }): Promise<Validated[]> {
  const capacity = calibration.capacityPerSecond.get(variant) ?? 0;
  if (capacity === 0) throw new Error(`${variant}: nothing was complete in time in the full calibration run: this machine is too busy to measure on, or too slow for this --slo-ms`);
  const results: Validated[] = [];
  for (const { name, share, seconds, faults = [] } of RUNS) {
    const perSecond = share * capacity;
    const load: Load = { perSecond, arrivals: (random) => poissonArrivals(perSecond, random), seconds, faults };
    const predicted = predict(calibration, models, () => fixedPolicy(variant.split('.').at(-1)!), load, bounds);
    const victim = faults.length === 0 ? undefined : setTimeout(() => process.kill(tapped.pids.at(-1)!, 'SIGKILL'), LOST_AT_SECONDS * 1_000);
    const { figures } = await tapped.run({ arrivals: poissonArrivals(perSecond, seededRandom(seed, name)), seconds, partitions: DEFAULT_PARTITIONS, brokerPid });
    clearTimeout(victim);
    results.push(compared(name, perSecond, predicted, figures));
    progress(describe(results.at(-1)!));
  }
  return results;
}

function compared(run: string, perSecond: number, predicted: Predicted, measured: { goodputPerSecond: number; p99Ms: number }): Validated {
  const error = (name: 'goodputPerSecond' | 'p99Ms') => (predicted[name] - measured[name]) / measured[name];
  const [goodputError, p99Error] = [error('goodputPerSecond'), error('p99Ms')];
  const pick = ({ goodputPerSecond, p99Ms }: { goodputPerSecond: number; p99Ms: number }) => ({ goodputPerSecond, p99Ms });
  return { run, perSecond, predicted: pick(predicted), measured: pick(measured), goodputError, p99Error, isWithin: Math.abs(goodputError) <= GOODPUT_BOUND && Math.abs(p99Error) <= P99_BOUND };
}

export function describe({ run, perSecond, predicted, measured, isWithin }: Validated): string {
  const of = (figures: Validated['measured']) => `${figures.goodputPerSecond.toFixed(0)}/s, p99 ${figures.p99Ms.toFixed(0)} ms`;
  return `${run}, ${perSecond.toFixed(0)}/s: predicted ${of(predicted)}; measured ${of(measured)}${isWithin ? '' : ' — outside the bounds'}`;
}
