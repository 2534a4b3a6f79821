import type { GraphSpec, Variant } from '@tandem/schemas';
import type { Dimensions, Invocation, TensorView } from '../engine/index.ts';

/** What a request brings along beside its own sequence. */
const OTHER_SIZES: Readonly<Record<string, number>> = { candidates: 100, excluded: 1 };
const LENGTH_DIMENSION = 'length';
const BATCH_DIMENSION = 'batch';

/** Names of a graph's open sizes, but for those of inputs that stay between calls. */
function openSizes({ inputs }: GraphSpec, held: ReadonlySet<string>): Set<string> {
  const names = Object.entries(inputs).filter(([name]) => !held.has(name)).flatMap(([, { shape }]) => shape);
  return new Set(names.filter((size) => typeof size === 'string'));
}

/** Whether batch times of the graph depend on a length. */
export function hasLength(graph: GraphSpec, held: ReadonlySet<string>): boolean {
  return openSizes(graph, held).has(LENGTH_DIMENSION);
}

/** Sizes of every open dimension for a batch. */
export function dimensionsOf(graph: GraphSpec, held: ReadonlySet<string>, batch: number, length: number): Dimensions {
  const sizeOf = (name: string) => name === BATCH_DIMENSION ? batch : name === LENGTH_DIMENSION ? length : OTHER_SIZES[name] ?? 1;
  return Object.fromEntries([...openSizes(graph, held)].map((name) => [name, sizeOf(name)]));
}

/**
 * Fills inputs with what costs as real ones do: rows of ids within the catalogue, spread over it; a number per row small and different
 * (slots, positions); numbers between 0 and 1.
 */
export function fillInputs(inputs: Invocation['inputs'], { catalogue }: Variant): void {
  const items = catalogue?.items ?? 2;
  for (const view of Object.values(inputs)) fill(view, items);
}

/** Knuth's multiplicative hash: no order that a processor's cache would profit from. */
const SPREAD = 2_654_435_761;

function fill({ dims, data }: TensorView, items: number): void {
  const isPerRow = dims.length === 1;
  const isWhole = data instanceof Int32Array || data instanceof Int8Array || data instanceof Uint8Array;
  for (let index = 0; index < data.length; index += 1) {
    const spread = (index * SPREAD) % 4_294_967_296;
    data[index] = isPerRow ? index : isWhole ? 1 + (spread % Math.max(1, items - 1)) : spread / 4_294_967_296;
  }
}
