import { createClassifierStage } from '@tandem/classifier';
import { createFusionStage } from '@tandem/fusion';
import { classifyInputSchema, fixedTopics, variantTopics, type ClassScores, type ClassifyInput, type Variant, type Workload } from '@tandem/schemas';
import { createSchedulerStage } from '@tandem/scheduler';
import { createMemoryCache, type Cache } from '@tandem/shared/cache';
import { thresholdPolicy, type Adapter } from '@tandem/shared/core';
import { RecordError, TandemError } from '@tandem/shared/errors';
import { createEmbeddedLog, type EmbeddedLog } from '@tandem/shared/log';
import { Chain, RunningStage, stageReaders, type Stage, type StageName } from '@tandem/shared/runner';
import { createMetrics, noTracing, silentLogger } from '@tandem/shared/telemetry';
import { createWorkerStage } from '@tandem/worker';
import { simEngine } from './sim-engine.ts';
import { SimLog, type SimLogOptions } from './sim-log.ts';
import { SimProcess } from './sim-process.ts';
import type { World } from './world.ts';

export const PREFIX = 'sim.';
export const PARTITIONS = 3;
/** A process that has gone is back within this. */
export const LONGEST_RESTART_MS = 3_000;

/** `input.values`, one number, through a model; the answer is a label that says which number and model. */
const adapter: Adapter = {
  name: 'sim',
  inputSchema: classifyInputSchema,
  prepare(input) {
    const [number = -1] = (input as ClassifyInput).values;
    if (number < 0) throw new RecordError('invalid_input', 'values: must not be negative');
    return { features: number, marks: [], hasCandidates: false };
  },
  shape: () => ({ graph: 'all', length: 1 }),
  dimensions: (_graph, batch) => ({ batch: batch.length }),
  encode(_graph, batch, inputs) {
    batch.forEach((work, row) => (inputs['input']!.data[row] = work.task.input as number));
  },
  decode: (_graph, batch, outputs) => batch.map((_, row) => ({ labels: [String(outputs['output']!.data[row])], probabilities: [0.5], confidence: 0.5 })),
  present: (result) => ({ label: (result as ClassScores).labels[0]!, confidence: 0.5 }),
  fallback: () => ({ labels: ['fallback'], probabilities: [1] }),
};

const variant = (model: string): Variant => ({
  model, precision: 'fp32', version: '1', status: 'stable', adapter: 'sim', graphs: {}, limits: {}, lineage: {},
  accuracy: { metric: 'accuracy', value: 0.9, others: {}, data: 'none', date: '2026-01-01' },
});
const variants = [variant('small'), variant('large')];
const topology = { prefix: PREFIX, partitions: PARTITIONS };
const topics = [...fixedTopics(topology), ...variantTopics(topology, variants)];

function workload(name: string, order: Workload['order']): Workload {
  const coarse = { id: 'coarse', role: 'coarse' as const, model: 'small', after: [], required: false };
  const fine = { id: 'fine', role: 'fine' as const, model: 'large', after: ['coarse'], required: false };
  return {
    name, order, freshness: 'off', provisional: 'asked', description: 'simulated', adapter: 'sim', deadlineMs: null, accuracyFloor: 0, activeAbove: 0.8, activityTau: 20, options: {},
    plans: { coarse: { strategy: 'cascade', steps: [coarse] }, full: { strategy: 'cascade', steps: [coarse, fine] } },
  };
}
const workloads = [workload('plain', 'none'), workload('ordered', 'key')];

export interface SystemOptions extends SimLogOptions {
  delivery: 'at-least-once' | 'exactly-once';
  /** Share of commands that the cache refuses. */
  cacheFailures: number;
  /** Processes are wrong about the log's clock by as much at most, each by its own. @default 0 */
  clocksApartMs?: number;
  /** Classifiers refuse requests of workload `plain` beyond so many a second. @default none */
  quotaPerSecond?: number;
}

/** One stage, or several in a chain. */
export type Role = StageName | `${StageName}+${string}`;

export interface RunningProcess {
  name: Role;
  process: SimProcess;
  /** Undefined until it has started. */
  stage?: RunningStage;
}

/** The real stages, each in a process of its own, on one simulated log. */
export class SimSystem {
  readonly log: EmbeddedLog;
  readonly world: World;
  readonly processes: RunningProcess[] = [];
  /** No command reaches the cache. */
  isCacheAway = false;
  /** A process has died of what it ran. */
  onKilled: (name: Role) => void = () => undefined;
  readonly #options: SystemOptions;
  #cache: Cache = createMemoryCache();
  readonly #logs = new Set<SimLog>();

  constructor(world: World, options: SystemOptions) {
    this.world = world;
    this.#options = options;
    this.log = createEmbeddedLog({ clock: world.clock, defer: world.defer });
  }

  async createTopics(): Promise<void> {
    await this.log.admin.ensureTopics(topics);
  }

  /** It runs, or will soon. */
  start(name: Role): void {
    const { clocksApartMs = 0 } = this.#options;
    const process = new SimProcess(this.world, clocksApartMs > 0 ? this.world.between(-clocksApartMs, clocksApartMs) : 0);
    const entry: RunningProcess = { name, process };
    this.processes.push(entry);
    void this.#run(entry).catch((error: unknown) => {
      // The dead are not heard.
      if (process.alive) throw error;
    });
  }

  /** It comes back with nothing. */
  flushCache(): void {
    this.#cache = createMemoryCache();
  }

  kill(index: number): Role {
    const [entry] = this.processes.splice(index, 1);
    entry!.process.kill();
    return entry!.name;
  }

  /** Ends it in order, as SIGTERM does; one that is still starting is killed. */
  end(index: number): Role {
    const [entry] = this.processes.splice(index, 1);
    if (entry!.stage === undefined) entry!.process.kill();
    else void entry!.stage.stop();
    return entry!.name;
  }

  #dieOf(process: SimProcess): void {
    const index = this.processes.findIndex((entry) => entry.process === process);
    // One that ends in order is no longer among them.
    if (index < 0) return process.kill();
    const name = this.kill(index);
    this.onKilled(name);
    this.world.later(this.world.between(10, LONGEST_RESTART_MS), () => this.start(name));
  }

  async #run(entry: RunningProcess): Promise<void> {
    const { name, process } = entry;
    const log = new SimLog(this.log, process, this.#options, this.#logs);
    const common = { log, clock: process.clock, logger: silentLogger, prefix: PREFIX, random: this.world.random };
    const metrics = createMetrics({ processMetrics: false });
    const stages = await Promise.all(name.split('+').map((one) => this.#stage(one as StageName, process, log)));
    const chained = () => new Chain(stages, { partitions: PARTITIONS, readersOf: stageReaders(topics), metrics, tracing: noTracing });
    const stage = stages.length === 1 ? stages[0]! : chained();
    entry.stage = await RunningStage.start(stage, {
      ...common, metrics, tracing: noTracing, producer: await log.producer(), commitIntervalMs: 10,
    });
  }

  #stage(name: StageName, process: SimProcess, log: SimLog): Stage | Promise<Stage> {
    const adapters = new Map([['sim', adapter]]);
    const probe = { sample: async () => ({ time: process.clock.now(), cpuCores: 2, cpuUse: 0.1, memoryBytes: 8, memoryFreeBytes: 4 }) };
    const common = { prefix: PREFIX, clock: process.clock, logger: silentLogger, log, variants, workloads, adapters, probe, cache: this.#cacheOf(process), random: this.world.random };
    const isOrdered = (workloadName: string) => workloadName === 'ordered';
    switch (name) {
      case 'classifier': return createClassifierStage({ ...common, ...this.#quotas() });
      case 'scheduler': return createSchedulerStage({ ...common, policy: thresholdPolicy() });
      case 'worker': return createWorkerStage({ ...common, instance: `worker-${this.world.random()}`, countsIn: log, engine: simEngine(process, () => this.#dieOf(process)) });
      case 'fusion': return createFusionStage({ ...common, ...this.#options, adapterOf: () => adapter, isOrdered });
    }
  }

  #quotas() {
    const { quotaPerSecond } = this.#options;
    return quotaPerSecond === undefined ? {} : { partitions: PARTITIONS, quotas: { workloads: { plain: quotaPerSecond }, tenants: {} } };
  }

  /** The shared cache, behind a network of its own. */
  #cacheOf(process: SimProcess): Cache {
    const { world } = this;
    const refuse = () => new TandemError('the cache is away', { code: 'cache_unavailable', retryable: true });
    return new Proxy(this.#cache, {
      get: (_, name) => {
        if (name === 'shared') return true;
        const cache = this.#cache;
        const value: unknown = Reflect.get(cache, name, cache);
        if (typeof value !== 'function') return value;
        return async (...parameters: unknown[]) => {
          await process.delay(0, 2);
          if (this.isCacheAway || world.chance(this.#options.cacheFailures)) throw refuse();
          const result: unknown = await Reflect.apply(value, cache, parameters);
          await process.delay(0, 2);
          return result;
        };
      },
    });
  }
}
