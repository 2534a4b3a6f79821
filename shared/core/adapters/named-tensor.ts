import type { TensorView } from '../../engine/types.ts';

/** @throws {Error} naming the tensor that the graph should have */
export function namedTensor(tensors: Readonly<Record<string, TensorView>>, graph: string, name: string): TensorView {
  const tensor = tensors[name];
  if (tensor === undefined) throw new Error(`graph ${graph} has no tensor ${name}; it has ${Object.keys(tensors).join(', ')}`);
  return tensor;
}
