import { fileURLToPath } from 'node:url';
import type { GenerateFeatures, Outcome, PlanStep, RankedItems, Variant, Work } from '@tandem/schemas';
import { createMemoryCache } from '@tandem/shared/cache';
import { systemClock } from '@tandem/shared/clock';
import { builtInAdapters } from '@tandem/shared/core';
import { createOnnxEngine } from '@tandem/shared/engine';
import type { Stage } from '@tandem/shared/runner';
import { silentLogger } from '@tandem/shared/telemetry';
import { createWorkerStage, type DecodingOptions, type DecodingUse } from '@tandem/worker';
import type { Contender } from './contender.ts';
import type { SlateRequest } from './requests.ts';

export const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));

const QUIET_LOG = { now: () => Date.now(), tail: async () => ({ caughtUp: Promise.resolve(), close: async () => undefined }) };
const STEP: PlanStep = { id: 'decode', role: 'fine', model: 'recommend-decoder', after: [], required: true };

/** What a stage has done. */
class Counts {
  readonly used = { drafted: 0, accepted: 0, tokens: 0, preemptions: 0 };
  /** Their number, and the sequences of all of them. */
  readonly calls = { count: 0, sequences: 0 };

  note(use: DecodingUse): void {
    for (const name of ['drafted', 'accepted', 'tokens', 'preemptions'] as const) this.used[name] += use[name] ?? 0;
  }

  called(size: number): void {
    this.calls.count += 1;
    this.calls.sequences += size;
  }
}

/** The worker stage itself, as it is served. */
export class StageContender implements Contender {
  readonly name: string;
  readonly counts: Counts;
  readonly #variant: Variant;
  readonly #stage: Stage;
  #requests = 0;

  private constructor(name: string, variant: Variant, stage: Stage, counts: Counts) {
    this.name = name;
    this.counts = counts;
    this.#variant = variant;
    this.#stage = stage;
  }

  static async start(name: string, variant: Variant, threads: number, decoding: Partial<DecodingOptions>): Promise<StageContender> {
    const counts = new Counts();
    const stage = await createWorkerStage({
      prefix: 'b.', instance: 'bench', variants: [variant], adapters: builtInAdapters, engine: createOnnxEngine({ modelsDirectory: MODELS, threads }),
      clock: systemClock, logger: silentLogger, cache: createMemoryCache(), log: QUIET_LOG, decoding, limits: { maxQueueSize: 100_000 },
      probe: { sample: async () => ({ time: 0, cpuCores: 1, memoryBytes: 1, memoryFreeBytes: 1 }) },
      observer: { decoding: (_variant, use) => counts.note(use), batch: (_variant, size) => counts.called(size) },
    });
    return new StageContender(name, variant, stage, counts);
  }

  async ask({ history, count }: SlateRequest): Promise<readonly number[]> {
    const { model, precision } = this.#variant;
    const requestId = `r${(this.#requests += 1)}`;
    const input: GenerateFeatures = { history, total: history.length, limit: count, temperature: 0, topK: 20 };
    const work: Work = {
      step: 'decode', model, precision, reason: '', dispatchedAt: Date.now(), previous: {},
      task: {
        requestId, workload: 'generate', key: requestId, lane: 'interactive', task: 'fine', tier: 'standard', arrivedAt: 0, deadlineAt: null, accuracyFloor: null,
        activity: 0, input, source: '', marks: [], plan: { id: 'fine', strategy: 'cascade', steps: [STEP] },
      },
    };
    const record = { topic: `b.work.${model}.${precision}`, partition: 0, offset: 0, key: requestId, value: Buffer.from(JSON.stringify(work)), headers: {}, timestamp: 0 };
    const [output] = await this.#stage.handle(record, { publish: async () => undefined });
    const outcome = JSON.parse(output!.value as string) as Outcome;
    if (outcome.kind !== 'completed') throw new Error(JSON.stringify(outcome));
    return (outcome.result as RankedItems).items;
  }

  async stop(): Promise<void> {
    await this.#stage.stop?.();
  }
}
