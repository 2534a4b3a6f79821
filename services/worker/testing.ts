import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { idSchema, type ClassScores, type GraphSpec, type Heartbeat, type Outcome, type PlanStep, type Task, type Variant, type Work } from '@tandem/schemas';
import { createMemoryCache } from '@tandem/shared/cache';
import { systemClock } from '@tandem/shared/clock';
import type { Adapter } from '@tandem/shared/core';
import { createOnnxEngine, type InferenceEngine, type Invocation } from '@tandem/shared/engine';
import type { LogRecord } from '@tandem/shared/log';
import type { Stage, StageOutput } from '@tandem/shared/runner';
import { silentLogger } from '@tandem/shared/telemetry';
import { createWorkerStage, type WorkerStageOptions } from './index.ts';

/** For the tests of this folder: a worker stage over a tiny model, or over batches that end when the test says so. */

export const FIXTURES = fileURLToPath(new URL('../../shared/engine/fixtures/', import.meta.url));
const graphs = JSON.parse(readFileSync(`${FIXTURES}graphs.json`, 'utf8')) as Record<string, GraphSpec>;
export const POISON = 99;

/** Nobody writes to it. */
export const testLog = { now: () => 0, tail: async () => ({ caughtUp: Promise.resolve(), close: async () => undefined }) };

/** Looks a number up: score = 10 × id; an id above 7 fails its whole batch. */
const lookupAdapter: Adapter = {
  name: 'lookup',
  inputSchema: idSchema,
  prepare: (input) => ({ features: input, marks: [], hasCandidates: false }),
  shape(work) {
    if (work.task.input === 'unreadable') throw new Error('no length');
    return { graph: 'lookup', length: 1 };
  },
  dimensions: (_graph, batch) => ({ batch: batch.length }),
  encode(_graph, batch, inputs) {
    batch.forEach((work, row) => (inputs['ids']!.data[row] = work.task.input as number));
  },
  decode: (_graph, batch, outputs) => batch.map((_, row) => ({ labels: ['score'], probabilities: [outputs['score']!.data[row]!] })),
  present: () => ({ sequence: [] }),
  fallback: () => undefined,
};

export const lookup: Variant = {
  model: 'lookup', precision: 'fp32', version: '3', status: 'stable', adapter: 'lookup', lineage: {}, limits: {},
  accuracy: { metric: 'accuracy', value: 1, others: {}, data: 'none', date: '2026-01-01' }, graphs: { lookup: graphs['lookup']! },
};

export const step = (id: string, after: string[] = []): PlanStep => ({ id, role: 'coarse', model: 'lookup', after, required: false });

export function work(input: unknown, over: Partial<Task> = {}, steps = [step('look')]): Work {
  const task: Task = {
    requestId: `r${String(input)}`, workload: 'w', key: `key-${String(input)}`, lane: 'interactive', task: 'coarse', tier: 'standard',
    arrivedAt: 0, deadlineAt: null, accuracyFloor: null, activity: 0, input, source: 't.requests/0/0', marks: [],
    plan: { id: 'p', strategy: 'cascade', steps }, ...over,
  };
  return { step: 'look', model: 'lookup', precision: 'fp32', reason: 'why not', dispatchedAt: 0, task, previous: {} };
}

export function record(value: unknown, topic = 't.work.lookup.fp32'): LogRecord {
  const bytes = typeof value === 'string' ? value : JSON.stringify(value);
  return { topic, partition: 0, offset: 0, key: 'k', value: Buffer.from(bytes), headers: {}, timestamp: 0 };
}

export const beats: Heartbeat[] = [];
export const context = {
  publish: async (outputs: readonly StageOutput[]) => {
    beats.push(...outputs.map(({ value }) => JSON.parse(value as string) as Heartbeat));
  },
};

export type TestedStage = Stage & { run(value: unknown, topic?: string): Promise<Outcome> };

export function workerOptions(engine: InferenceEngine): WorkerStageOptions {
  return {
    prefix: 't.', instance: 'worker-1', variants: [lookup], adapters: new Map([['lookup', lookupAdapter]]), engine,
    probe: { sample: async () => ({ time: 0, cpuCores: 2, memoryBytes: 8, memoryFreeBytes: 4 }) },
    clock: systemClock, cache: createMemoryCache(), log: testLog, logger: silentLogger,
  };
}

/** @param onFinished what frees a worker when its test is over */
export function workerFactory(onFinished: (free: () => void | Promise<void>) => void) {
  return async (over: Partial<WorkerStageOptions> = {}): Promise<TestedStage> => {
    const stage = await createWorkerStage({ ...workerOptions(over.engine ?? createOnnxEngine({ modelsDirectory: FIXTURES, threads: 2 })), ...over });
    onFinished(() => stage.stop?.());
    const run = async (value: unknown, topic?: string) => {
      const [output] = await stage.handle(record(value, topic), context);
      return JSON.parse(output!.value as string) as Outcome;
    };
    return Object.assign(stage, { run });
  };
}

export interface HeldBatch {
  /** On threads that give way. */
  background: boolean;
  size: number;
  ids: readonly number[];
  end(): void;
  fail(error: unknown): void;
}

/** An engine whose batches end when the test says so. */
export function heldEngine(concurrency = 1, backgroundConcurrency = 0): InferenceEngine & { batches: HeldBatch[]; began(count: number): Promise<void> } {
  const batches: HeldBatch[] = [];
  const preparing = (background: boolean) => async (_graph: string, { batch = 0 }: Readonly<Record<string, number>>): Promise<Invocation> => {
    const view = { dims: [batch], data: new Int32Array(batch) };
    return {
      inputs: { ids: view },
      run: () => new Promise((resolve, fail) => {
        const end = () => resolve({ outputs: { score: { dims: [batch], data: Float32Array.from(view.data, (id) => 10 * id) } }, computeMs: 5 });
        batches.push({ background, size: batch, ids: [...view.data], end, fail });
      }),
      release: () => undefined,
    };
  };
  const close = async () => undefined;
  return {
    concurrency, backgroundConcurrency, batches, close, [Symbol.asyncDispose]: close,
    load: async (variant) => ({ variant, provider: 'held', memoryBytes: 1, prepare: preparing(false), ...(backgroundConcurrency > 0 ? { background: { prepare: preparing(true) } } : {}), unload: close }),
    began: async (count) => {
      while (batches.length < count) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

export const scoreOf = (outcome: Outcome) => outcome.kind === 'completed' && (outcome.result as ClassScores).probabilities[0];
