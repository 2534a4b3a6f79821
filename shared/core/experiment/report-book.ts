import type { ArmCounts, ExperimentControl, ExperimentReport } from '@tandem/schemas';
import { jsonOf } from '../json-of.ts';
import { noCounts, sumOf } from './arm-counts.ts';

const PREFIX = 'experiment/';
/** Processes of fusion, of all experiments: each start of one is another. */
const MOST = 10_000;

/** Counts of an experiment by arm. */
export type CountsByArm = Readonly<Record<string, ArmCounts>>;

/** The key of a report on topic `telemetry`. */
export function reportKey({ experiment, source }: Pick<ExperimentReport, 'experiment' | 'source'>): string {
  return `${PREFIX}${experiment}/${source}`;
}

/** What all processes have counted of all experiments, from topic `telemetry`. */
export class ReportBook {
  readonly #reports = new Map<string, ExperimentReport>();

  /** Other records of the topic change nothing. */
  heard(key: string | null, value: Buffer | null): void {
    if (key?.startsWith(PREFIX) !== true) return;
    if (value === null) return void this.#reports.delete(key);
    const report = jsonOf(value) as Partial<ExperimentReport> | null | undefined;
    if (report?.kind !== 'experiment' || typeof report.experiment !== 'string' || typeof report.arms !== 'object') return;
    if (this.#reports.size < MOST || this.#reports.has(key)) this.#reports.set(key, report as ExperimentReport);
  }

  /** Of this start of the experiment, all processes together; each of its arms has counts. */
  countsOf({ definition: { name, arms }, startedAt }: Pick<ExperimentControl, 'definition' | 'startedAt'>): CountsByArm {
    const reports = [...this.#reports.values()].filter((report) => report.experiment === name && report.startedAt === startedAt);
    return Object.fromEntries(arms.map((arm) => [arm.name, sumOf(reports.map((report) => report.arms[arm.name] ?? noCounts()))]));
  }

  /** Keys of what is kept of an experiment. */
  keysOf(name: string): string[] {
    return [...this.#reports.keys()].filter((key) => key.startsWith(`${PREFIX}${name}/`));
  }
}
