import assert from 'node:assert/strict';
import {
  recommendInputSchema, workloadSchema, type RecommendFeatures, type RecommendInput, type RejectedOutcome, type Request, type Task,
  type Variant, type Workload,
} from '@tandem/schemas';
import { createMemoryCache, type Cache } from '@tandem/shared/cache';
import { ManualClock } from '@tandem/shared/clock';
import type { Adapter, PrepareContext, Prepared } from '@tandem/shared/core';
import { RecordError, TandemError } from '@tandem/shared/errors';
import type { LogRecord } from '@tandem/shared/log';
import type { StageContext, StageOutput } from '@tandem/shared/runner';
import { silentLogger } from '@tandem/shared/telemetry';
import { createClassifierStage, type ClassifierStage } from './classifier-stage.ts';
import type { ClassifierOptions } from './options.ts';

export const ITEMS = 1_000;
export const NOW = 1_800_000_000_000;

function prepare(input: unknown, { history }: PrepareContext): Prepared {
  const { history: given, candidates, limit } = input as RecommendInput;
  const ids = candidates?.map((candidate) => Number(typeof candidate === 'string' ? candidate : candidate.itemId));
  const unknown = ids?.find((id) => !Number.isInteger(id) || id < 1 || id > ITEMS);
  if (unknown !== undefined) throw new RecordError('unknown_item', `item ${unknown} is not in the catalogue`);
  const items = (given ?? history?.items ?? []).map(Number);
  const features: RecommendFeatures = {
    history: items,
    total: given?.length ?? history?.total ?? 0,
    ...(ids === undefined ? {} : { candidates: ids }),
    limit,
  };
  return { features, marks: items.length === 0 ? ['unknown_user'] : [], hasCandidates: ids !== undefined };
}

const unused = () => {
  throw new Error('the classifier prepares only');
};

/** As much of an adapter as a classifier needs. */
export const testAdapter: Adapter = {
  name: 'recommend',
  inputSchema: recommendInputSchema,
  prepare,
  shape: unused,
  dimensions: unused,
  encode: unused,
  decode: unused,
  present: unused,
  fallback: unused,
};

export function testWorkload(over: Partial<Workload> = {}): Workload {
  const coarse = { id: 'coarse', role: 'coarse', model: 'small' };
  const fine = { id: 'fine', role: 'fine', model: 'large' };
  const parsed = workloadSchema.parse({
    name: 'recommend',
    description: 'for tests',
    adapter: 'recommend',
    plans: {
      coarse: { strategy: 'rerank', steps: [coarse] },
      fine: { strategy: 'rerank', steps: [fine] },
      full: { strategy: 'rerank', steps: [coarse, { ...fine, after: ['coarse'] }] },
    },
  });
  return { ...parsed, ...over };
}

function testVariant(model: string, over: Partial<Variant> = {}): Variant {
  return {
    model,
    precision: 'fp32',
    version: '1',
    status: 'stable',
    adapter: 'recommend',
    catalogue: { items: ITEMS, popular: [] },
    graphs: {},
    limits: {},
    accuracy: { metric: 'ndcgAt10', value: 0.1, others: {}, data: 'none', date: '2026-01-01' },
    lineage: {},
    ...over,
  };
}

const noContext: StageContext = { publish: async () => undefined };

/** A shared cache in one process: what several classifiers on one Redis see. */
export function pretendShared(cache: Cache): Cache {
  return new Proxy(cache, {
    get(target, name) {
      if (name === 'shared') return true;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

export function testClassifier(over: Partial<ClassifierOptions> = {}) {
  const clock = new ManualClock(NOW);
  const cache = over.cache ?? pretendShared(createMemoryCache({ clock }));
  const classifier = createClassifierStage({
    workloads: [testWorkload()],
    adapters: new Map([['recommend', testAdapter]]),
    variants: [testVariant('small'), testVariant('large')],
    cache,
    clock,
    logger: silentLogger,
    ...over,
  });
  return { classifier, clock, cache };
}

let nextOffset = 0;

/** A record as it would lie in the log; each gets an offset of its own. */
export function record(topic: string, value: unknown, over: Partial<LogRecord> = {}): LogRecord {
  nextOffset += 1;
  const bytes = value === null || Buffer.isBuffer(value) ? value : Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
  return { topic: `tandem.${topic}`, partition: 0, offset: nextOffset, key: null, value: bytes, headers: {}, timestamp: NOW, ...over };
}

export const request = (over: Partial<Request> = {}): Request => ({
  requestId: `r${Math.random()}`,
  workload: 'recommend',
  userId: 'ann',
  input: {},
  ...over,
});

export const interaction = (itemId: string, time = NOW, userId = 'ann') => ({ userId, itemId, time });

/** A throw becomes a rejection, as the runner treats both alike. */
export async function handle(classifier: ClassifierStage, input: LogRecord): Promise<readonly StageOutput[]> {
  return classifier.handle(input, noContext);
}

export async function taskOf(classifier: ClassifierStage, input: LogRecord): Promise<Task> {
  return onlyOutput(await handle(classifier, input), 'tandem.tasks') as Task;
}

export async function rejectionOf(classifier: ClassifierStage, input: LogRecord): Promise<RejectedOutcome> {
  return onlyOutput(await handle(classifier, input), 'tandem.outcomes') as RejectedOutcome;
}

function onlyOutput(outputs: readonly StageOutput[], topic: string): unknown {
  assert.deepEqual(outputs.map((output) => output.topic), [topic]);
  return JSON.parse(String(outputs[0]?.value)) as unknown;
}

/** Interactions of ann with items 1, 2, 3 …, one a millisecond, the first a second before now. */
export async function apply(classifier: ClassifierStage, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await handle(classifier, record('interactions', interaction(String(i + 1), NOW - 1_000 + i)));
}

/** A shared cache that can be taken away. */
export function breakableCache() {
  const state = { broken: false };
  const cache = new Proxy(pretendShared(createMemoryCache()), {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        if (state.broken) throw new TandemError('away', { code: 'cache_unavailable', retryable: true });
        return (value as (...all: unknown[]) => Promise<unknown>).apply(target, args);
      };
    },
  });
  return { cache, state };
}
