import { controlSchema, type Control, type ExperimentControl, type Lane } from '@tandem/schemas';
import { jsonOf } from '../core/index.ts';
import type { LogRecord } from '../log/index.ts';

/** An operator’s word that a lane is to be paused. */
export type LaneHold = Extract<Control, { kind: 'lane_hold' }>;
/** An operator’s word that a worker takes no new work. */
export type WorkerDrain = Extract<Control, { kind: 'worker_drain' }>;

/** Key of a lane’s hold in topic `control`: a newer record, or a tombstone, replaces it. */
export const laneKey = (lane: Lane): string => `lane/${lane}`;
/** Key of an experiment in topic `control`. */
export const experimentKey = (name: string): string => `experiment/${name}`;
/** Key of a worker’s drain in topic `control`. */
export const workerKey = (instance: string): string => `worker/${instance}`;

/** What operators want of the stages now: the records of topic `control`, newest by key. */
export class ControlState {
  readonly #records = new Map<string, Control>();

  /** Whether it changed anything. What cannot be read changes nothing: a foreign record must not stop a stage. */
  apply({ key, value }: Pick<LogRecord, 'key' | 'value'>): boolean {
    if (key === null) return false;
    if (value === null) return this.#records.delete(key);
    const control = controlSchema.safeParse(jsonOf(value)).data;
    if (control === undefined || keyOf(control) !== key) return false;
    this.#records.set(key, control);
    return true;
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
