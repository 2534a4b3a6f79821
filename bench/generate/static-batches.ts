import type { Variant } from '@tandem/schemas';
import { createOnnxEngine, type LoadedVariant, type OnnxEngine } from '@tandem/shared/engine';
import { CacheMemory, decode, type DecodeRow } from '@tandem/worker';
import type { Contender } from './contender.ts';
import type { SlateRequest } from './requests.ts';
import { MODELS } from './stage-contender.ts';

const POSITIONS = 16;
const BLOCKS_A_ROW = 8;
const LONGEST = 128;
const GRAPH = 'decode';

interface Asked {
  request: SlateRequest;
  resolve: (items: readonly number[]) => void;
  reject: (error: unknown) => void;
}

interface Row {
  tokens: number[];
  promptLength: number;
  cached: number;
  blocks: number[];
  count: number;
}

/**
 * Static batching, as decoders are served without iteration-level scheduling: what waits becomes a batch, and all of it is
 * answered when its longest slate is done. Over the same graph, engine and cache memory.
 *
 * padded: slates that are done are computed on until the batch ends, as fixed tensors make it. Otherwise they leave the call, but
 * nobody joins.
 */
export class StaticContender implements Contender {
  readonly name: string;
  readonly #engine: OnnxEngine;
  readonly #loaded: LoadedVariant;
  readonly #memory: CacheMemory;
  readonly #size: number;
  readonly #padded: boolean;
  readonly #waiting: Asked[] = [];
  #running = false;

  private constructor(name: string, engine: OnnxEngine, loaded: LoadedVariant, { size, padded }: { size: number; padded: boolean }) {
    this.name = name;
    this.#engine = engine;
    this.#loaded = loaded;
    this.#memory = new CacheMemory('fp32', loaded.held!['pool']!);
    this.#size = size;
    this.#padded = padded;
  }

  static async start(name: string, variant: Variant, threads: number, kind: { size: number; padded: boolean }): Promise<StaticContender> {
    const engine = createOnnxEngine({ modelsDirectory: MODELS, threads });
    const pool = { poolBlocks: kind.size * BLOCKS_A_ROW + 1, positions: POSITIONS };
    const loaded = await engine.load({ ...variant, graphs: { [GRAPH]: variant.graphs[GRAPH]! } }, { held: { pool } });
    return new StaticContender(name, engine, loaded, kind);
  }

  ask(request: SlateRequest): Promise<readonly number[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      if (!this.#running) {
        this.#running = true;
        setImmediate(() => void this.#runAll());
      }
    });
  }

  stop(): Promise<void> {
    return this.#engine.close();
  }

  async #runAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#size);
      try {
        const slates = await this.#decodeBatch(batch.map(({ request }) => request));
        batch.forEach(({ resolve }, index) => resolve(slates[index]!));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = false;
  }

  async #decodeBatch(requests: readonly SlateRequest[]): Promise<number[][]> {
    const longest = Math.max(...requests.map(({ count }) => count));
    const rows = requests.map(({ history, count }, index): Row => {
      const tokens = history.slice(-(LONGEST - longest + 1));
      return { tokens, promptLength: tokens.length, cached: 0, blocks: Array.from({ length: BLOCKS_A_ROW }, (_, block) => 1 + index * BLOCKS_A_ROW + block), count };
    });
    for (let turn = 0; turn < longest; turn += 1) await this.#step(rows.filter(({ count }) => this.#padded || count > turn));
    return rows.map(({ tokens, promptLength, count }) => tokens.slice(promptLength, promptLength + count));
  }

  async #step(rows: readonly Row[]): Promise<void> {
    const asked = rows.map(({ tokens, cached, blocks }): DecodeRow => ({ tokens: tokens.slice(cached), past: cached, blocks, scored: 1, excluded: [tokens] }));
    const { used } = await decode({ loaded: this.#loaded, graph: GRAPH, memory: this.#memory }, asked, (listing) => listing(0).items[0]!);
    rows.forEach((row, index) => {
      row.cached = row.tokens.length;
      row.tokens.push(used[index]!);
    });
  }
}
