import type { Heartbeat, SchedulerReport } from '@tandem/schemas';
import type { Random } from '@tandem/shared/clock';
import { Autoscaler, LoadMeter, SCALING_DEFAULTS, StartTimes } from '@tandem/shared/core';
import type { ScalingSpec } from '../spec.ts';
import type { EventLoop } from '../time/event-loop.ts';
import type { SimWorker } from './sim-worker.ts';

/** As often as the real one decides. */
const INTERVAL_MS = 1_000;

export interface SimSupervisorOptions {
  scaling: ScalingSpec;
  /** All that may ever be there. */
  workers: readonly SimWorker[];
  loop: EventLoop;
  random: Random;
  /** It has started and joins its group. */
  join(worker: SimWorker, now: number): void;
  /** It leaves its group, and answers what it has. */
  drain(worker: SimWorker, now: number): void;
  isOver: (now: number) => boolean;
}

/** How many workers there were, and how often that changed. */
export interface ScalingFigures {
  /** Decided for, second by second: those that start among them. */
  wantedBySecond: readonly number[];
  /** Of them: those that served. */
  servingBySecond: readonly number[];
  /** Decisions for another number. */
  changes: number;
}

/** Whoever adds and removes workers, in virtual time: the same decisions, by what workers and schedulers tell of themselves. */
export class SimSupervisor {
  readonly #options: SimSupervisorOptions;
  readonly #meter = new LoadMeter(0);
  readonly #scaler: Autoscaler;
  readonly #starts = new StartTimes();
  /** In the order in which they were launched: the youngest goes first. */
  readonly #kept: SimWorker[] = [];
  readonly #starting = new Set<SimWorker>();
  readonly #wanted: number[] = [];
  readonly #serving: number[] = [];

  constructor(options: SimSupervisorOptions) {
    this.#options = options;
    this.#scaler = new Autoscaler(boundedRules(options.scaling, options.workers.length));
    this.#kept.push(...options.workers.slice(0, this.#scaler.workers));
  }

  get figures(): ScalingFigures {
    const changes = this.#wanted.filter((wanted, second) => second > 0 && wanted !== this.#wanted[second - 1]).length;
    return { wantedBySecond: this.#wanted, servingBySecond: this.#serving, changes };
  }

  start(): void {
    this.#options.loop.at(INTERVAL_MS, this.#look, undefined, undefined);
  }

  beat(heartbeat: Heartbeat, now: number): void {
    this.#meter.beat(heartbeat, now);
  }

  report(report: SchedulerReport, now: number): void {
    this.#meter.report(report, now);
  }

  /** It has answered what it had, and said goodbye. */
  left({ spec: { instance } }: SimWorker): void {
    this.#meter.left(instance);
  }

  readonly #look = (_first: undefined, _second: undefined, now: number): void => {
    const { loop, isOver } = this.#options;
    const { workers } = this.#scaler.update(this.#meter.sample(now), this.#starts.expectedMs);
    while (this.#kept.length < workers && this.#launch(now));
    while (this.#kept.length > workers) this.#remove(now);
    this.#wanted.push(this.#kept.length);
    this.#serving.push(this.#kept.filter(({ alive }) => alive).length);
    if (!isOver(now)) loop.at(now + INTERVAL_MS, this.#look, undefined, undefined);
  };

  /** False: those that could be have not ended yet. */
  #launch(now: number): boolean {
    const { workers, scaling, random, loop } = this.#options;
    const next = workers.find((one) => !one.alive && !one.draining && !this.#kept.includes(one) && !this.#starting.has(one));
    if (next === undefined) return false;
    this.#kept.push(next);
    this.#starting.add(next);
    loop.at(now + scaling.startMs(random), this.#started, next, now);
    return true;
  }

  readonly #started = (worker: SimWorker, launchedAt: number, now: number): void => {
    this.#starting.delete(worker);
    this.#starts.add(now - launchedAt);
    // It has been given up before it served.
    if (this.#kept.includes(worker)) this.#options.join(worker, now);
  };

  #remove(now: number): void {
    const youngest = this.#kept.pop()!;
    if (!this.#starting.has(youngest)) this.#options.drain(youngest, now);
  }
}

/** @throws {RangeError} for bounds that the cluster cannot keep, or that would leave nobody */
export function boundedRules({ rules }: ScalingSpec, workers: number): ScalingSpec['rules'] {
  const { min = SCALING_DEFAULTS.min, max = workers } = rules;
  if (min < 1) throw new RangeError('scaling.rules.min has to be 1 at least: that nobody is there is not simulated');
  if (max > workers) throw new RangeError(`scaling.rules.max is ${max}, but the cluster has ${workers} workers`);
  return { ...rules, min, max };
}
