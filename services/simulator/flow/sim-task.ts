import type { Task } from '@tandem/schemas';

const NO_MARKS: Task['marks'] = [];

/** A task without an input. Its place in the log is put into words only where somebody asks: that costs as much as a draw. */
export class SimTask implements Task {
  readonly requestId: string;
  readonly key: string;
  readonly workload: string;
  readonly lane: Task['lane'];
  readonly task: Task['task'];
  readonly tier: string;
  readonly arrivedAt: number;
  readonly deadlineAt: number | null;
  readonly accuracyFloor: number | null;
  readonly activity: number;
  readonly plan: Task['plan'];
  readonly input = null;
  readonly marks = NO_MARKS;
  readonly #partition: number;
  readonly #offset: number;

  constructor(task: Omit<Task, 'input' | 'marks' | 'key' | 'source'>, key: string, partition: number, offset: number) {
    this.requestId = task.requestId;
    this.key = key;
    this.workload = task.workload;
    this.lane = task.lane;
    this.task = task.task;
    this.tier = task.tier;
    this.arrivedAt = task.arrivedAt;
    this.deadlineAt = task.deadlineAt;
    this.accuracyFloor = task.accuracyFloor;
    this.activity = task.activity;
    this.plan = task.plan;
    this.#partition = partition;
    this.#offset = offset;
  }

  get source(): string {
    return `requests/${this.#partition}/${this.#offset}`;
  }
}
