import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { GraphSpec } from '@tandem/schemas';

/** A thread that runs the bare runtime in a loop for as long as it is told, and says how many batches that made. */

interface BareData {
  file: string;
  spec: GraphSpec;
  dimensions: Readonly<Record<string, number>>;
}

const { file, spec, dimensions } = workerData as BareData;
const session = await InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential' });

function tensors(specs: GraphSpec['inputs']): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(specs).map(([name, { type, shape }]) => {
    const dims = shape.map((dimension) => (typeof dimension === 'number' ? dimension : dimensions[dimension]!));
    const length = dims.reduce((product, size) => product * size, 1);
    return [name, type === 'int32' ? new Tensor('int32', new Int32Array(length), dims) : new Tensor('float32', new Float32Array(length), dims)];
  }));
}

const feeds = tensors(spec.inputs);
const fetches = tensors(spec.outputs);
parentPort?.on('message', (durationMs: number) => void loop(durationMs));
parentPort?.postMessage('ready');

async function loop(durationMs: number): Promise<void> {
  const until = performance.now() + durationMs;
  let batches = 0;
  for (; performance.now() < until; batches += 1) {
    for (const { data } of Object.values(feeds)) for (let index = 0; index < data.length; index += 1) (data as Int32Array)[index] = (index * 7) % 5 + 1;
    await session.run(feeds, fetches);
  }
  parentPort?.postMessage(batches);
}
