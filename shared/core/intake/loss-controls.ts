import type { Task } from '@tandem/schemas';
import { LossControl } from './loss-control.ts';

const DEFAULT_TIER = 'standard';

/** One for each workload and partition: the overload of one workload is not paid for by another, nor that of one slow worker by the partitions of others. */
export class LossControls {
  readonly #controls = new Map<string, LossControl>();
  readonly #tierWeights: Readonly<Record<string, number>>;

  constructor(tierWeights: Readonly<Record<string, number>>) {
    this.#tierWeights = tierWeights;
  }

  /** Whether a request is refused before anything is done for it. Never one of the bulk lane, nor one without a deadline: those wait. */
  refuses({ workload, lane, deadlineAt, arrivedAt, tier }: Pick<Task, 'workload' | 'lane' | 'deadlineAt' | 'arrivedAt' | 'tier'>, partition: number, now: number): boolean {
    if (lane === 'bulk' || deadlineAt === null) return false;
    const place = placeOf(workload, partition);
    let control = this.#controls.get(place);
    if (control === undefined) this.#controls.set(place, control = new LossControl());
    return control.refuses({ arrivedAt, deadlineMs: deadlineAt - arrivedAt, weight: this.#weightOf(tier) }, now);
  }

  /** One that was let in has a step's result, or will have none in time. What comes long after its time lay somewhere while a process was away: that was no want of room. */
  ended({ workload, lane, deadlineAt, arrivedAt }: Pick<Task, 'workload' | 'lane' | 'deadlineAt' | 'arrivedAt'>, partition: number, isLost: boolean, now: number): void {
    if (lane === 'bulk' || deadlineAt === null || now > deadlineAt + (deadlineAt - arrivedAt)) return;
    this.#controls.get(placeOf(workload, partition))?.ended(isLost);
  }

  #weightOf(tier: string): number {
    const weights = this.#tierWeights;
    return weights[Object.hasOwn(weights, tier) ? tier : DEFAULT_TIER] ?? 1;
  }
}

function placeOf(workload: string, partition: number): string {
  return `${workload}/${partition}`;
}
