import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import type { Outcome, PlanStep, RankedItems, RecommendFeatures, Variant, Work } from '@tandem/schemas';
import { createMemoryCache } from '@tandem/shared/cache';
import { systemClock } from '@tandem/shared/clock';
import { builtInAdapters } from '@tandem/shared/core';
import { createOnnxEngine } from '@tandem/shared/engine';
import type { Stage } from '@tandem/shared/runner';
import { silentLogger } from '@tandem/shared/telemetry';
import { createWorkerStage, type PrefixUse } from '@tandem/worker';
import type { StreamRequest } from './streams.ts';

export const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));

/** What a number of requests took. */
export interface Taken {
  requests: number;
  /** Inside ONNX Runtime, each batch's time shared among its requests, ms. */
  inferenceMs: number;
  /** CPU of all threads but the main one: nearly all of it inference, and no matter how busy the machine is, ms. */
  computeCpuMs: number;
  /** CPU of the main thread: the worker's own code, JSON, this benchmark's feeding, ms. */
  mainCpuMs: number;
  wallMs: number;
  batches: number;
}

export interface SideOptions {
  variant: Variant;
  prefixCacheBytes: number;
  maxBatchSize: number;
  inFlight: number;
}

const NEWEST = 256;
const QUIET_LOG = { now: () => Date.now(), tail: async () => ({ caughtUp: Promise.resolve(), close: async () => undefined }) };

/** A worker stage with one inference thread, fed as fast as it answers with so many requests in flight. */
export class Side {
  readonly used: Required<PrefixUse> = { hits: 0, misses: 0, bypassed: 0, steps: 0, savedTokens: 0, evictions: 0, bytes: 0 };
  readonly #options: SideOptions;
  #stage: Stage | undefined;
  /** Batches of requests that went on from a prefix, and of those whose prefix was built. */
  readonly prefixBatches = { hits: 0, misses: 0 };
  /** Inside ONNX Runtime, of the same, ms. */
  readonly prefixMs = { hits: 0, misses: 0 };
  /** What the next batch to be told of was: prefixes are told of just before. */
  #kind: 'hits' | 'misses' | undefined;
  /** The last request of each user: he asks again when he has his answer. */
  readonly #asking = new Map<number, Promise<unknown>>();
  #batches = 0;

  constructor(options: SideOptions) {
    this.#options = options;
  }

  async start(): Promise<this> {
    const { variant, prefixCacheBytes, maxBatchSize } = this.#options;
    this.#stage = await createWorkerStage({
      prefix: 'b.', instance: 'bench', variants: [variant], adapters: builtInAdapters, engine: createOnnxEngine({ modelsDirectory: MODELS, threads: 1 }),
      clock: systemClock, logger: silentLogger, cache: createMemoryCache(), log: QUIET_LOG, limits: { maxBatchSize }, prefixCacheBytes,
      probe: { sample: async () => ({ time: 0, cpuCores: 1, memoryBytes: 1, memoryFreeBytes: 1 }) },
      observer: { prefixes: (_variant, use) => this.#note(use), batch: (_variant, _size, _queueMs, computeMs) => this.#noteBatch(computeMs) },
    });
    return this;
  }

  async stop(): Promise<void> {
    await this.#stage?.stop?.();
  }

  /** @param candidates what is to be ranked, by request; undefined: the catalogue @param onAnswer in the order of the requests' ends */
  async run(
    requests: readonly StreamRequest[], candidates: ((index: number) => readonly number[]) | undefined, onAnswer: (index: number, items: readonly number[]) => void,
  ): Promise<Taken> {
    let [next, inferenceMs] = [0, 0];
    const [batchesBefore, cpuBefore, mainBefore, startedAt] = [this.#batches, process.cpuUsage(), process.threadCpuUsage(), performance.now()];
    const feed = async () => {
      for (let index = next; index < requests.length; index = next) {
        next += 1;
        const outcome = await this.#askInTurn(requests[index]!, candidates?.(index));
        inferenceMs += outcome.run.computeMs / outcome.run.batchSize;
        onAnswer(index, (outcome.result as RankedItems).items);
      }
    };
    await Promise.all(Array.from({ length: this.#options.inFlight }, feed));
    const mainCpuMs = totalMs(process.threadCpuUsage(mainBefore));
    const computeCpuMs = totalMs(process.cpuUsage(cpuBefore)) - mainCpuMs;
    return { requests: requests.length, inferenceMs, computeCpuMs, mainCpuMs, wallMs: performance.now() - startedAt, batches: this.#batches - batchesBefore };
  }

  async #askInTurn(request: StreamRequest, candidates: readonly number[] | undefined): Promise<Outcome & { kind: 'completed' }> {
    const before = this.#asking.get(request.user) ?? Promise.resolve();
    const asked = before.then(() => this.#ask(request, candidates));
    this.#asking.set(request.user, asked);
    return asked;
  }

  #note({ bytes, ...counts }: PrefixUse): void {
    for (const kind of ['hits', 'misses'] as const) {
      if ((counts[kind] ?? 0) === 0) continue;
      this.prefixBatches[kind] += 1;
      this.#kind = kind;
    }
    for (const [name, count] of Object.entries(counts)) this.used[name as keyof PrefixUse] += count;
    this.used.bytes = bytes ?? this.used.bytes;
  }

  #noteBatch(computeMs: number): void {
    this.#batches += 1;
    if (this.#kind !== undefined) this.prefixMs[this.#kind] += computeMs;
    this.#kind = undefined;
  }

  async #ask({ user, history }: StreamRequest, candidates: readonly number[] | undefined): Promise<Outcome & { kind: 'completed' }> {
    const { model, precision } = this.#options.variant;
    const input: RecommendFeatures = {
      history: history.slice(-NEWEST), total: history.length, limit: candidates === undefined && model.endsWith('small') ? 100 : 10,
      ...(candidates === undefined ? {} : { candidates: [...candidates] }),
    };
    const step: PlanStep = { id: 'fine', role: 'fine', model, after: [], required: true };
    const work: Work = {
      step: 'fine', model, precision, reason: '', dispatchedAt: Date.now(), previous: {},
      task: {
        requestId: 'r', workload: 'recommend', key: String(user), userId: String(user), lane: 'interactive', task: 'fine', tier: 'standard', arrivedAt: 0,
        deadlineAt: null, accuracyFloor: null, activity: 0, input, source: '', marks: [], plan: { id: 'fine', strategy: 'rerank', steps: [step] },
      },
    };
    const record = { topic: `b.work.${model}.${precision}`, partition: 0, offset: 0, key: String(user), value: Buffer.from(JSON.stringify(work)), headers: {}, timestamp: 0 };
    const [output] = await this.#stage!.handle(record, { publish: async () => undefined });
    const outcome = JSON.parse(output!.value as string) as Outcome;
    if (outcome.kind !== 'completed') throw new Error(JSON.stringify(outcome));
    return outcome;
  }
}

function totalMs({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1_000;
}
