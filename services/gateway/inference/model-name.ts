import type { GraphSpec, Variant } from '@tandem/schemas';

/** One graph of one variant: what the protocol calls a model. */
export interface ServedGraph {
  /** As clients may call it in full: `model.precision.graph`. */
  name: string;
  variant: Variant;
  graph: string;
  spec: GraphSpec;
}

/** Which precision a name without one means, as far as there is one of these. */
const PREFERRED = ['fp32', 'fp16', 'int8'];

/**
 * Finds what a name means: `model`, `model.precision` or `model.precision.graph`. Without a precision: fp32, else the first; without a graph:
 * the variant's first. Versions are those of the registry. Undefined: there is none.
 */
export function findGraph(variants: readonly Variant[], name: string, version?: string): ServedGraph | undefined {
  const [model, precision, graph] = name.split('.');
  const candidates = variants.filter((variant) => variant.model === model && variant.status !== 'retired' && (precision === undefined || variant.precision === precision) && (version === undefined || variant.version === version));
  const rank = ({ precision: own, status }: Variant) => (status === 'stable' ? 0 : 100) + (PREFERRED.includes(own) ? PREFERRED.indexOf(own) : PREFERRED.length);
  const [variant] = candidates.toSorted((a, b) => rank(a) - rank(b));
  if (variant === undefined) return undefined;
  const chosen = graph ?? Object.keys(variant.graphs)[0];
  const spec = chosen !== undefined && Object.hasOwn(variant.graphs, chosen) ? variant.graphs[chosen] : undefined;
  return chosen === undefined || spec === undefined ? undefined : { name: `${variant.model}.${variant.precision}.${chosen}`, variant, graph: chosen, spec };
}

/** Every name in full. */
export function allGraphs(variants: readonly Variant[]): ServedGraph[] {
  return variants.flatMap((variant) => Object.entries(variant.graphs).map(([graph, spec]) => ({ name: `${variant.model}.${variant.precision}.${graph}`, variant, graph, spec })));
}
