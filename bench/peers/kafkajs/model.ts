import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { GraphSpec, RecommendFeatures, RecommendInput, Work } from '@tandem/schemas';
import { recommendAdapter } from '@tandem/shared/core';
import { loadRegistry, variantName } from '@tandem/shared/registry';

/** A request as it lies in the log, as far as it matters here. */
export interface IncomingRequest {
  requestId: string;
  userId: string;
  input: RecommendInput;
}

/** Answers requests in one inference; the result's rows are theirs. */
export type Answer = (requests: readonly IncomingRequest[]) => Promise<unknown[]>;

export const MODELS = join(import.meta.dirname, '../../../models/');
/** The plan of a request that one model answers. */
const PLAN = { id: 'fine', strategy: 'rerank', steps: [] };

function tensors(specs: GraphSpec['inputs'], dimensions: Record<string, number>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(specs).map(([name, { shape }]) => {
    const dims = shape.map((dimension) => (typeof dimension === 'number' ? dimension : dimensions[dimension]!));
    return [name, new Tensor('int32', new Int32Array(dims.reduce((product, size) => product * size, 1)), dims)];
  }));
}

/**
 * The model file, the input tensors and the form of the answer are those that Tandem uses; the session has the runtime's
 * default options, so one inference may use every core.
 * @param name `model.precision`
 */
export async function openModel(name: string, options: InferenceSession.SessionOptions = {}): Promise<Answer> {
  const { variants } = await loadRegistry(MODELS);
  const variant = variants.find((known) => variantName(known) === name);
  if (variant === undefined) throw new RangeError(`the registry has no ${name}`);
  const graph = 'candidates' in variant.graphs ? 'candidates' : 'catalogue';
  const spec = variant.graphs[graph]!;
  const session = await InferenceSession.create(MODELS + spec.file, options);
  return async (requests) => {
    const works = requests.map(({ input }) => {
      const { features } = recommendAdapter.prepare(input, { history: undefined, options: {}, variants: [variant] });
      return { step: 'fine', task: { input: features as RecommendFeatures, plan: PLAN }, previous: {} } as unknown as Work;
    });
    const feeds = tensors(spec.inputs, recommendAdapter.dimensions(graph, works, variant));
    recommendAdapter.encode(graph, works, feeds as never, variant);
    const outputs = await session.run(feeds);
    const rows = recommendAdapter.decode(graph, works, outputs as never, variant);
    return rows.map((row, index) => recommendAdapter.present(row, works[index]!.task.input));
  };
}
