import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { calibrate, type CalibrationRuns, type MachineFacts } from './calibrate.ts';
import type { GradedModels } from './graded-cluster.ts';
import type { Bounds } from './predict.ts';
import { validate, type MadeRun, type Validated } from './validate.ts';

/** Everything that a validation rests on: what is changed in the simulator can be held against the same runs again. */
export interface RecordedRuns {
  variant: string;
  facts: MachineFacts;
  calibration: CalibrationRuns;
  runs: readonly MadeRun[];
  models: Pick<GradedModels, 'workload' | 'variants'>;
  bounds: Bounds;
}

export function writeRecorded(file: string, recorded: RecordedRuns): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(recorded));
}

export function readRecorded(file: string): RecordedRuns {
  return JSON.parse(readFileSync(file, 'utf8')) as RecordedRuns;
}

export function validated({ variant, facts, calibration, runs, models, bounds }: RecordedRuns): Validated[] {
  return validate(runs, calibrate([calibration], facts), models, variant, bounds);
}
