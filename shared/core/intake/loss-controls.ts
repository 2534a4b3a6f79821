import type { Task } from '@tandem/schemas';
import { LossControl } from './loss-control.ts';

/** What becomes of a request that is refused so. */
export const TOO_MUCH = {
  kind: 'fail', code: 'overload', reason: 'overload: too many of those that were let in lately were too late; some are refused at once, so that the others are in time',
} as const;

/** One for each workload and partition: the overload of one workload is not paid for by another, nor that of one slow worker by the partitions of others. */
export class LossControls {
  /** By workload, and by partition in each. */
  readonly #controls = new Map<string, (LossControl | undefined)[]>();
  readonly #weightOf: (tier: string) => number;

  constructor(weightOf: (tier: string) => number) {
    this.#weightOf = weightOf;
  }

  /** Whether a request is refused before anything is done for it. Never one of the bulk lane, nor one without a deadline: those wait. */
  refuses({ workload, lane, deadlineAt, arrivedAt, tier }: Pick<Task, 'workload' | 'lane' | 'deadlineAt' | 'arrivedAt' | 'tier'>, partition: number, now: number): boolean {
    if (lane === 'bulk' || deadlineAt === null) return false;
    let controls = this.#controls.get(workload);
    if (controls === undefined) this.#controls.set(workload, controls = []);
    const control = (controls[partition] ??= new LossControl());
    return control.refuses({ arrivedAt, deadlineMs: deadlineAt - arrivedAt, weight: this.#weightOf(tier) }, now);
  }

  /** One that was let in has a step's result, or will have none in time. What comes long after its time lay somewhere while a process was away: that was no want of room. */
  ended({ workload, lane, deadlineAt, arrivedAt }: Pick<Task, 'workload' | 'lane' | 'deadlineAt' | 'arrivedAt'>, partition: number, isLost: boolean, now: number): void {
    if (lane === 'bulk' || deadlineAt === null || now > deadlineAt + (deadlineAt - arrivedAt)) return;
    this.#controls.get(workload)?.[partition]?.ended(isLost);
  }
}
