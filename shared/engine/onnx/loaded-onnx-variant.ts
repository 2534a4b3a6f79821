import type { GraphSpec, Variant } from '@tandem/schemas';
import { TandemError } from '../../errors/index.ts';
import type { Dimensions, Invocation, LoadedVariant, TensorView } from '../types.ts';
import type { BufferPool, Slot, SlotViews } from './buffer-pool.ts';
import { dimensionNames, layoutOf, sizesOf, viewsOf, type Layout } from './layout.ts';
import { OnnxInvocation } from './invocation.ts';
import { HEADER_BYTES } from './slot-header.ts';
import type { ThreadPool } from './thread-pool.ts';

/** As many sizes of batches as a slot keeps views for; beyond, all are made anew. */
const MAX_LAYOUTS = 64;

export interface GraphHandle {
  id: number;
  /** Without the held inputs: what a lease holds. */
  spec: GraphSpec;
  names: readonly string[];
}

export function graphHandle(id: number, spec: GraphSpec): GraphHandle {
  return { id, spec, names: dimensionNames(spec) };
}

export interface VariantParts {
  variant: Variant;
  provider: string;
  memoryBytes: number;
  hasBackground: boolean;
  graphs: ReadonlyMap<string, GraphHandle>;
  held: Readonly<Record<string, TensorView>>;
  buffers: BufferPool;
  threads: ThreadPool;
}

/** A variant on all threads of an engine. */
export class LoadedOnnxVariant implements LoadedVariant {
  readonly variant: Variant;
  readonly provider: string;
  readonly memoryBytes: number;
  readonly held: Readonly<Record<string, TensorView>>;
  readonly background?: Pick<LoadedVariant, 'prepare'>;
  readonly #parts: VariantParts;
  /** By graph and sizes. */
  readonly #layouts = new Map<string, Layout>();
  #leases = 0;
  #unloading = false;
  #onIdle: () => void = () => undefined;

  constructor(parts: VariantParts) {
    this.variant = parts.variant;
    this.provider = parts.provider;
    this.memoryBytes = parts.memoryBytes;
    this.held = parts.held;
    this.#parts = parts;
    if (parts.hasBackground) this.background = { prepare: (graph, dimensions) => this.#prepare(graph, dimensions, true) };
  }

  /** @throws {TandemError} `unknown_graph`, `invalid_dimensions`, `variant_unloaded`, `engine_closed` */
  prepare(graphName: string, dimensions: Dimensions): Promise<Invocation> {
    return this.#prepare(graphName, dimensions, false);
  }

  async #prepare(graphName: string, dimensions: Dimensions, background: boolean): Promise<Invocation> {
    const graph = this.#graph(graphName);
    const sizes = sizesOf(graphName, graph.names, dimensions);
    this.#leases += 1;
    try {
      return await this.#lease(graph, sizes, background);
    } catch (error) {
      this.#returned();
      throw error;
    }
  }

  /** Waits until every lease has been released. */
  async unload(): Promise<void> {
    if (this.#unloading) return;
    this.#unloading = true;
    if (this.#leases > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    for (const { id } of this.#parts.graphs.values()) this.#parts.threads.unload(id);
  }

  async #lease(graph: GraphHandle, sizes: readonly number[], background: boolean): Promise<Invocation> {
    const { buffers, threads } = this.#parts;
    const key = `${graph.id}:${sizes.join()}`;
    const layout = this.#layout(key, graph, sizes);
    const acquired = buffers.acquire(layout.bytes);
    const slot = acquired instanceof Promise ? await acquired : acquired;
    slot.header.write(graph.id, sizes);
    const { inputs, outputs, inputWords } = slot.views(key, () => makeViews(slot, layout));
    inputWords.fill(0);
    return new OnnxInvocation({
      slot, inputs, outputs,
      execute: (leased) => threads.run(leased, background),
      onReleased: (leased) => {
        buffers.release(leased);
        this.#returned();
      },
    });
  }

  #layout(key: string, graph: GraphHandle, sizes: readonly number[]): Layout {
    const known = this.#layouts.get(key);
    if (known !== undefined) return known;
    if (this.#layouts.size >= MAX_LAYOUTS) this.#layouts.clear();
    const layout = layoutOf(graph.spec, graph.names, sizes, HEADER_BYTES);
    this.#layouts.set(key, layout);
    return layout;
  }

  #graph(name: string): GraphHandle {
    const who = `${this.variant.model}.${this.variant.precision}`;
    if (this.#unloading) throw new TandemError(`${who} has been unloaded`, { code: 'variant_unloaded' });
    const graph = this.#parts.graphs.get(name);
    if (graph !== undefined) return graph;
    const known = [...this.#parts.graphs.keys()].join(', ');
    throw new TandemError(`${who} has no graph ${name}; it has ${known}`, { code: 'unknown_graph' });
  }

  #returned(): void {
    this.#leases -= 1;
    if (this.#leases === 0) this.#onIdle();
  }
}

function makeViews(slot: Slot, layout: Layout): SlotViews {
  return {
    inputs: viewsOf(slot.buffer, layout.inputs),
    outputs: viewsOf(slot.buffer, layout.outputs),
    // Tensors end at cache lines.
    inputWords: new Float64Array(slot.buffer, HEADER_BYTES, (layout.inputsEnd - HEADER_BYTES) / Float64Array.BYTES_PER_ELEMENT),
  };
}
