import { isDeepStrictEqual } from 'node:util';
import { controlSchema, type Control, type ExperimentControl, type Lane } from '@tandem/schemas';
import { jsonOf, type OverwrittenExperiment } from '../core/index.ts';
import type { LogRecord } from '../log/index.ts';

/** An operator’s word that a lane is to be paused. */
export type LaneHold = Extract<Control, { kind: 'lane_hold' }>;
/** An operator’s word that a worker takes no new work. */
export type WorkerDrain = Extract<Control, { kind: 'worker_drain' }>;

/** Who changes an experiment by itself, as its records say. Operators’ names are another’s. */
export const SCHEDULER = 'scheduler';

/** Key of a lane’s hold in topic `control`: a newer record, or a tombstone, replaces it. */
export const laneKey = (lane: Lane): string => `lane/${lane}`;
/** Key of an experiment in topic `control`. */
export const experimentKey = (name: string): string => `experiment/${name}`;
/** Key of a worker’s drain in topic `control`. */
export const workerKey = (instance: string): string => `worker/${instance}`;

/**
 * What operators want of the stages now: the records of topic `control`, newest by key. Of an experiment the newest is that of the latest start
 * and, in it, of the highest revision: a process that was suspended may write down later what it decided before, and that counts for nothing. Of
 * two of the same revision an operator's counts, the later one of two operators'.
 */
export class ControlState {
  readonly #records = new Map<string, Control>();
  /** By key: how far each experiment has come, also those that are removed. */
  readonly #latest = new Map<string, Pick<ExperimentControl, 'startedAt' | 'revision'>>();
  /** Keys whose last record on the topic is not what counts. */
  readonly #overwritten = new Set<string>();

  /** Whether it changed anything. What cannot be read changes nothing: a foreign record must not stop a stage. */
  apply({ key, value }: Pick<LogRecord, 'key' | 'value'>): boolean {
    if (key === null) return false;
    if (value === null) return this.#takeBack(key);
    const control = controlSchema.safeParse(jsonOf(value)).data;
    if (control === undefined || keyOf(control) !== key) return false;
    if (control.kind === 'experiment' && !this.#isNews(key, control)) return this.#ignore(key, control);
    this.#overwritten.delete(key);
    this.#records.set(key, control);
    return true;
  }

  #takeBack(key: string): boolean {
    const latest = this.#latest.get(key);
    if (latest !== undefined) this.#latest.set(key, { ...latest, revision: Infinity });
    const wasOverwritten = this.#overwritten.delete(key);
    return this.#records.delete(key) || wasOverwritten;
  }

  #isNews(key: string, control: ExperimentControl): boolean {
    const { startedAt, revision, by } = control;
    const latest = this.#latest.get(key) ?? { startedAt: -1, revision: 0 };
    const ahead = startedAt - latest.startedAt || revision - latest.revision;
    if (ahead < 0 || (ahead === 0 && by === SCHEDULER)) return false;
    this.#latest.set(key, { startedAt, revision });
    return true;
  }

  /** Compaction keeps the last record of a key, so somebody has to write again what counts. */
  #ignore(key: string, control: ExperimentControl): boolean {
    if (isDeepStrictEqual(control, this.#records.get(key))) return this.#overwritten.delete(key);
    const isNew = !this.#overwritten.has(key);
    this.#overwritten.add(key);
    return isNew;
  }

  /** Experiments whose last record on the topic is one that counts for nothing. */
  get overwritten(): OverwrittenExperiment[] {
    return [...this.#overwritten].map((key) => ({ key, control: this.experiments.find((control) => keyOf(control) === key) }));
  }

  /** Epoch ms, also of one that is removed since: a new one of the name has to start later. Undefined: nothing is known of it. */
  lastStartOf(name: string): number | undefined {
    return this.#latest.get(experimentKey(name))?.startedAt;
  }

  get laneHolds(): LaneHold[] {
    return [...this.#records.values()].filter((control) => control.kind === 'lane_hold');
  }

  get workerDrains(): WorkerDrain[] {
    return [...this.#records.values()].filter((control) => control.kind === 'worker_drain');
  }

  get experiments(): ExperimentControl[] {
    return [...this.#records.values()].filter((control) => control.kind === 'experiment');
  }

  isDrained(instance: string): boolean {
    return this.#records.has(workerKey(instance));
  }
}

/** The record's key on the topic. */
export function keyOf(control: Control): string {
  switch (control.kind) {
    case 'lane_hold': return laneKey(control.lane);
    case 'worker_drain': return workerKey(control.instance);
    case 'experiment': return experimentKey(control.definition.name);
  }
}
