import type { Variant } from '@tandem/schemas';
import { userHash } from '@tandem/shared/cache';
import { SEQUENCE_LIMITS, type Adapter, type DecodingSpec } from '@tandem/shared/core';
import type { Dimensions, LoadOptions } from '@tandem/shared/engine';
import { TandemError } from '@tandem/shared/errors';
import { variantName } from '@tandem/shared/registry';
import { MEBIBYTE } from '@tandem/shared/units';
import { PREFIX_IDLE_MS, type WorkerLimits, type WorkerStageOptions } from '../options.ts';
import type { ServedVariant } from '../served-variant.ts';
import { Settler } from '../settler.ts';
import type { Suspects } from '../suspects.ts';
import { CacheMemory } from './cache-memory.ts';
import { DecodingRunner } from './decoding-runner.ts';
import { DraftModel } from './draft-model.ts';
import { DECODING_DEFAULTS, type DecodingOptions } from './options.ts';

/** Tokens that a block holds: histories are some 70 items long, so half a block is a tenth of a sequence. */
const BLOCK_POSITIONS = 16;
const LOOKS = 10;
const ELEMENT_BYTES = { fp32: 4, fp16: 2, int8: 1 } as const;
const SCALE_BYTES = 4;

type LoadingOptions = Pick<WorkerStageOptions, 'variants' | 'adapters' | 'decoding' | 'memoryBudgetBytes' | 'engine'>;

/** A variant as it is loaded for decoding: the graphs that are used, and memory for keys and values. Undefined: it does not decode. */
export function decodingLoad(variant: Variant, adapter: Adapter, options: LoadingOptions): { variant: Variant; load: LoadOptions } | undefined {
  const spec = adapter.decoding?.spec(variant);
  if (spec === undefined) return undefined;
  const { cacheFormat, draftTokens } = decodingOptions(options);
  const graph = graphFor(variant, spec, cacheFormat);
  const blocks = blocksOf(variant, spec, graph, options);
  const names = [graph, ...(draftTokens > 0 && spec.draft !== undefined ? [spec.draft] : [])];
  const held = Object.fromEntries(['pool', ...(cacheFormat === 'int8' ? ['scales'] : [])].map((name) => [name, poolDimensions(variant, graph, blocks)]));
  return { variant: { ...variant, graphs: Object.fromEntries(names.map((name) => [name, variant.graphs[name]!])) }, load: { held } };
}

function decodingOptions({ decoding }: Pick<WorkerStageOptions, 'decoding'>): DecodingOptions {
  return { ...DECODING_DEFAULTS, ...decoding };
}

/** @throws {TandemError} `invalid_options` */
function graphFor(variant: Variant, { graphs }: DecodingSpec, format: DecodingOptions['cacheFormat']): string {
  const graph = graphs[format];
  if (graph !== undefined) return graph;
  const message = `${variantName(variant)} has no decoder for a ${format} cache; it has ${Object.keys(graphs).join(', ')} (setting generateCache)`;
  throw new TandemError(message, { code: 'invalid_options' });
}

/** @throws {TandemError} `invalid_options` where not even one of the longest sequences would fit */
function blocksOf(variant: Variant, { maxLength }: DecodingSpec, graph: string, options: LoadingOptions): number {
  const { cacheBytes } = decodingOptions(options);
  const sharing = options.variants.filter((other) => options.adapters.get(other.adapter)?.decoding?.spec(other) !== undefined).length;
  const bytes = Math.min(cacheBytes, options.memoryBudgetBytes ?? Infinity) / Math.max(1, sharing);
  const blocks = Math.floor(bytes / blockBytes(variant, graph, options));
  const least = Math.ceil(maxLength / BLOCK_POSITIONS) + 1;
  if (blocks >= least) return blocks;
  const leastBytes = least * sharing * blockBytes(variant, graph, options);
  const message = `${variantName(variant)} cannot keep one sequence of ${maxLength} items in ${Math.floor(bytes)} bytes; generateCacheMb must be at least ${Math.ceil(leastBytes / MEBIBYTE)}`;
  throw new TandemError(message, { code: 'invalid_options' });
}

function blockBytes({ graphs }: Variant, graph: string, options: LoadingOptions): number {
  const { cacheFormat } = decodingOptions(options);
  const [, parts, heads, , width] = graphs[graph]!.inputs['pool']!.shape.map(Number);
  return parts! * heads! * BLOCK_POSITIONS * (width! * ELEMENT_BYTES[cacheFormat] + (cacheFormat === 'int8' ? SCALE_BYTES : 0));
}

function poolDimensions({ graphs }: Variant, graph: string, blocks: number): Dimensions {
  const [count, , , positions] = graphs[graph]!.inputs['pool']!.shape;
  return { [String(count)]: blocks, [String(positions)]: BLOCK_POSITIONS };
}

interface DecodersParts {
  limits: WorkerLimits;
  suspects: Pick<Suspects, 'count' | 'clear'>;
}

/** The variants of a worker that are decoded step by step. */
export class Decoders {
  readonly #runners = new Map<ServedVariant, DecodingRunner>();
  readonly #options: WorkerStageOptions;
  #cancel: () => void = () => undefined;

  constructor(options: WorkerStageOptions, served: readonly ServedVariant[], parts: DecodersParts) {
    this.#options = options;
    for (const variant of served) {
      const runner = runnerOf(variant, options, parts);
      if (runner !== undefined) this.#runners.set(variant, runner);
    }
  }

  /** Some variant decodes. */
  get isOn(): boolean {
    return this.#runners.size > 0;
  }

  /** Undefined: work of the variant runs in batches of requests. */
  of(served: ServedVariant): DecodingRunner | undefined {
    return this.#runners.get(served);
  }

  start(): void {
    if (this.isOn) this.#lookLater();
  }

  stop(): void {
    this.#cancel();
  }

  cancel(requestId: string): void {
    for (const runner of this.#runners.values()) runner.cancel(requestId);
  }

  /** @param user SHA-256 of the user id */
  forget(user: string): void {
    for (const runner of this.#runners.values()) runner.forget((owner) => userHash(owner) === user);
  }

  async idle(): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.idle()));
  }

  /** What finished slates left behind does not stay for ever. */
  #lookLater(): void {
    const { clock, prefixIdleMs = PREFIX_IDLE_MS } = this.#options;
    this.#cancel = clock.schedule(clock.now() + prefixIdleMs / LOOKS, () => {
      for (const runner of this.#runners.values()) runner.expireRetained(clock.now() - prefixIdleMs);
      this.#lookLater();
    });
  }
}

function runnerOf(served: ServedVariant, options: WorkerStageOptions, { limits, suspects }: DecodersParts): DecodingRunner | undefined {
  const spec = served.adapter.decoding?.spec(served.variant);
  const { pool, scales } = served.loaded.held ?? {};
  if (spec === undefined) return undefined;
  if (pool === undefined) throw new TandemError(`${served.name} needs an engine that holds tensors between calls`, { code: 'invalid_options' });
  const { cacheFormat, draftTokens, maxBatchSize } = decodingOptions(options);
  const { engine, clock, logger, observer = {} } = options;
  const memory = new CacheMemory(cacheFormat, pool, scales);
  const drafts = draftTokens === 0 || spec.draft === undefined ? undefined : new DraftModel({ loaded: served.loaded, graph: spec.draft, ahead: draftTokens });
  return new DecodingRunner({
    served, memory, clock, logger, observer, suspects, rules: limits, source: { loaded: served.loaded, graph: spec.graphs[cacheFormat]!, memory, drafts },
    settler: new Settler({ clock, observer, survived: (suspicions) => suspects.clear(suspicions) }),
    limits: { ...SEQUENCE_LIMITS, ...limits, maxBatchSize, sessions: engine.concurrency, blocks: memory.blocks, blockPositions: memory.positions, ahead: drafts === undefined ? 0 : draftTokens },
  });
}

