import { setImmediate as nextTurn } from 'node:timers/promises';
import { fixedTopics, type Outcome, type Response, type Task } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import type { Adapter } from '@tandem/shared/core';
import { createEmbeddedLog, type EventLog, type LogRecord, type Tenure } from '@tandem/shared/log';
import type { StageOutput } from '@tandem/shared/runner';
import type { FusionOptions } from './options.ts';
import { createFusionStage } from './stage.ts';

/** Presents integers as they are; falls back to item 99. */
const adapter = {
  present: (result: { items: number[] }) => ({ items: result.items.map((item) => ({ itemId: String(item), score: 0 })) }),
  fallback: () => ({ items: [99], scores: [1] }),
} as unknown as Adapter;

const PARTITIONS = 4;

/** The log that fusion stages of a test share. */
export async function sharedLog(clock: ManualClock) {
  const log = createEmbeddedLog({ clock });
  await log.admin.ensureTopics(fixedTopics({ prefix: 't.', partitions: PARTITIONS }));
  return log;
}

export interface HarnessOptions extends Partial<FusionOptions> {
  clock?: ManualClock;
  log?: EventLog;
  publish?: (outputs: readonly StageOutput[], tenure?: Tenure) => Promise<void>;
  /** @default of none */
  tenureOf?: (partition: number) => Tenure;
}

/** A fusion stage that has all partitions, and what it published. */
export async function harness(options: HarnessOptions = {}) {
  const { clock = new ManualClock(1_000), publish } = options;
  const log = options.log ?? await sharedLog(clock);
  const producer = await log.producer();
  const responses: Response[] = [];
  let offset = 0;
  const stage = createFusionStage({ prefix: 't.', adapterOf: (name) => (name === 'w' ? adapter : undefined), variants: [], ...options, clock, log });
  const context = {
    publish: publish ?? ((outputs: readonly StageOutput[], tenure?: Tenure) => {
      responses.push(...outputs.map(({ value }) => JSON.parse(value as string) as Response));
      return producer.send(outputs, tenure);
    }),
  };
  await stage.start?.(context);
  const everything = Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: 't.tasks', partition }));
  stage.onAssigned?.(everything, options.tenureOf);
  const record = (topic: string, value: unknown, partition = 0): LogRecord => ({
    topic: `t.${topic}`, partition, offset: offset++, key: 'k', value: Buffer.from(JSON.stringify(value)), headers: {}, timestamp: clock.now(),
  });
  const handle = (topic: string, value: unknown, partition?: number) => stage.handle(record(topic, value, partition), context);
  return {
    clock, log, responses, stage, record, handle,
    send: async (topic: string, value: unknown, partition?: number) => {
      await handle(topic, value, partition);
    },
    /** From here on the stage knows all earlier answers, so that it decides at once. */
    lookedBack: async () => {
      const plan = { id: 'none', strategy: 'cascade' as const, steps: [] };
      for (const { partition } of everything) await handle('tasks', task({ requestId: `first-${partition}`, plan }), partition);
      responses.length = 0;
    },
    /** What a reader of the topic sees. */
    async written(): Promise<Response[]> {
      const all: Response[] = [];
      for (const { partition } of everything) {
        for await (const batch of log.read({ topic: 't.responses', partition })) {
          all.push(...batch.map(({ value }) => JSON.parse(value!.toString()) as Response));
        }
      }
      return all.filter(({ requestId }) => !requestId.startsWith('first-'));
    },
  };
}

export function task(over: Partial<Task> = {}): Task {
  const step = { role: 'coarse', model: 'm', required: false } as const;
  return {
    requestId: 'r1', workload: 'w', key: 'k', lane: 'interactive', task: 'full', tier: 'standard', arrivedAt: 990, deadlineAt: 1_100,
    accuracyFloor: null, activity: 0, input: {}, source: 't.requests/0/0', marks: [],
    plan: { id: 'full', strategy: 'rerank', steps: [{ ...step, id: 'coarse', after: [] }, { ...step, id: 'fine', after: ['coarse'] }] },
    ...over,
  };
}

const RUN = { model: 'm', precision: 'fp32', version: '1', batchSize: 1, queueMs: 0, computeMs: 1, reason: 'test' };

export function completed(step: string, items: number[], over: Partial<Outcome> = {}): Outcome {
  return { kind: 'completed', requestId: 'r1', step, task: task(), previous: {}, run: RUN, result: { items, scores: items.map(() => 1) }, ...over } as Outcome;
}

/** The last step's outcome, as the worker writes it. */
export function fine(items: number[], over: Partial<Outcome> = {}): Outcome {
  const coarse = { kind: 'completed', run: RUN, result: { items: items.toSorted((a, b) => a - b), scores: items.map(() => 1) } } as const;
  return completed('fine', items, { previous: { coarse }, ...over });
}

/** Lets time pass until a promise settles. */
export async function passing<Value>(clock: ManualClock, promise: Promise<Value>): Promise<Value> {
  let settled = false;
  void promise.then(() => (settled = true), () => (settled = true));
  for (let turn = 0; turn < 2_000 && !settled; turn += 1) {
    clock.advance(20);
    await nextTurn();
  }
  return promise;
}
