import type { Plan, TaskKind } from '@tandem/schemas';
import type { Random } from '@tandem/shared/clock';
import { choosePlan, chooseTask } from '@tandem/shared/core';
import { partitionOfKey } from '@tandem/shared/log';
import { seededRandom, zipf, type Arrivals } from '@tandem/shared/random';
import type { TrafficSpec } from '../spec.ts';
import type { SimRequest } from './sim-request.ts';
import { SimTask } from './sim-task.ts';

const DEFAULT_KEYS = { count: 100_000, exponent: 0 };
const DEFAULT_ACTIVITY = 0.5;

/** Draws by weight. */
function weighted<Name extends string>(weights: Partial<Readonly<Record<Name, number>>>, random: Random): () => Name {
  const entries = Object.entries(weights) as [Name, number][];
  const total = entries.reduce((sum, [, weight]) => sum + weight, 0);
  if (!(total > 0)) throw new RangeError('weights must add up to more than 0');
  if (entries.length === 1) return () => entries[0]![0];
  return () => {
    let left = random() * total;
    return (entries.find(([, weight]) => (left -= weight) < 0) ?? entries[0]!)[0];
  };
}

function sharedOut(shares: readonly number[], random: Random): () => number {
  const draw = weighted(Object.fromEntries(shares.map((share, partition) => [String(partition), share])), random);
  return () => Number(draw());
}

/** Requests of one kind, one after the other, sensed as the classifier senses them. */
export class TrafficSource {
  readonly arrivals: Arrivals;
  readonly #spec: TrafficSpec;
  /** Among all kinds. */
  readonly #index: number;
  readonly #random: Random;
  readonly #key: () => number;
  readonly #partitions: number;
  readonly #partitionOf: Int32Array;
  /** As they are asked for: to put a number into words costs as much as a draw. */
  readonly #keyNames: (string | undefined)[];
  readonly #hint: (() => TaskKind) | undefined;
  readonly #tier: () => string;
  readonly #partition: (key: number) => number;
  /** By what is wanted: plans are templates, the same for all. */
  readonly #plans = new Map<TaskKind, { task: TaskKind; plan: Plan }>();
  /** Of the last request of each partition. */
  readonly #offsets: number[] = [];
  #count = 0;

  constructor(spec: TrafficSpec, { seed, index, partitions }: { seed: number; index: number; partitions: number }) {
    const stream = (purpose: string) => seededRandom(seed, `traffic ${index} ${purpose}`);
    const { count, exponent } = spec.keys ?? DEFAULT_KEYS;
    this.#spec = spec;
    this.#index = index;
    this.#random = stream('requests');
    this.arrivals = spec.arrivals(stream('arrivals'));
    const keys = stream('keys');
    this.#key = exponent === 0 ? () => Math.floor(keys() * count) : zipf(count, exponent, keys);
    this.#partitions = partitions;
    this.#partitionOf = new Int32Array(count).fill(-1);
    this.#keyNames = new Array<string | undefined>(count);
    this.#hint = spec.tasks === undefined ? undefined : weighted(spec.tasks, stream('tasks'));
    this.#partition = spec.partitionShares === undefined ? (key) => this.#partitionOfKey(key) : sharedOut(spec.partitionShares, stream('partitions'));
    this.#tier = weighted(spec.tiers ?? { standard: 1 }, stream('tiers'));
  }

  /** @param arrivedAt when the broker has it, ms */
  next(dueAt: number, arrivedAt: number): SimRequest {
    const { workload, lane = 'interactive', accuracyFloor, deadlineMs } = this.#spec;
    const key = this.#key();
    const activity = this.#spec.activity?.(this.#random) ?? DEFAULT_ACTIVITY;
    const wanted = chooseTask(workload, { hint: this.#hint?.(), hasCandidates: false, activity });
    const { task, plan } = this.#planOf(wanted);
    const partition = this.#partition(key);
    const offset = (this.#offsets[partition] = (this.#offsets[partition] ?? -1) + 1);
    const ms = deadlineMs === undefined ? (lane === 'bulk' ? null : workload.deadlineMs) : deadlineMs;
    const requestId = `${this.#index}-${(this.#count += 1)}`;
    return {
      traffic: this.#spec, dueAt, partition, join: undefined, answered: false, answers: 0, isSensed: false,
      task: new SimTask({
        requestId, workload: workload.name, lane, task, tier: this.#tier(), arrivedAt,
        deadlineAt: ms === null ? null : arrivedAt + ms, accuracyFloor: accuracyFloor ?? workload.accuracyFloor, activity, plan,
      }, (this.#keyNames[key] ??= String(key)), partition, offset),
    };
  }

  #planOf(wanted: TaskKind): { task: TaskKind; plan: Plan } {
    const known = this.#plans.get(wanted);
    if (known !== undefined) return known;
    const chosen = choosePlan(this.#spec.workload, wanted, false);
    this.#plans.set(wanted, chosen);
    return chosen;
  }

  /** Kafka's own hash: whether keys that are many collide on few partitions is part of the question. */
  #partitionOfKey(key: number): number {
    const known = this.#partitionOf[key]!;
    return known >= 0 ? known : (this.#partitionOf[key] = partitionOfKey(`key-${key}`, this.#partitions));
  }
}
