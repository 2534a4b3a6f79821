import type { GraphSpec } from '@tandem/schemas';
import type { TensorData, TensorView } from '@tandem/shared/engine';
import { Problem } from '../problems/problem.ts';
import { DATA_TYPES } from './data-types.ts';
import type { InferRequest } from './infer-request.ts';

export interface InferOutput {
  name: string;
  datatype: string;
  shape: readonly number[];
  data?: unknown[];
  parameters?: { binary_data_size: number };
}

export interface WrittenTensors {
  outputs: InferOutput[];
  /** What follows the JSON, in the order of the outputs; none: everything is in the JSON. */
  binary: Buffer[];
}

/** The outputs that are asked for, all where none is named, copied out of the engine's buffer. @throws {Problem} `invalid_tensor` */
export function writeTensors(graph: GraphSpec, request: InferRequest, views: Readonly<Record<string, TensorView>>): WrittenTensors {
  const written: WrittenTensors = { outputs: [], binary: [] };
  for (const { name, isBinary, parameters: own } of wantedOutputs(graph, request)) {
    const view = Object.hasOwn(views, name) ? views[name] : undefined;
    const spec = Object.hasOwn(graph.outputs, name) ? graph.outputs[name] : undefined;
    if (view === undefined || spec === undefined) throw unknownOutput(graph, name);
    if (own !== undefined && 'classification' in own) throw new Problem('not_supported', { detail: 'The classification extension is not supported; ask for the scores.' });
    const { data, dims: shape } = view;
    const base = { name, datatype: DATA_TYPES[spec.type], shape };
    if (isBinary) {
      const bytes = spec.type === 'int64' ? wideBytes(data) : Buffer.from(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
      written.binary.push(bytes);
      written.outputs.push({ ...base, parameters: { binary_data_size: bytes.length } });
    } else {
      if (spec.type === 'float16') throw new Problem('invalid_tensor', { detail: `${name} is FP16: JSON has no such numbers; ask for binary data.` });
      written.outputs.push({ ...base, data: spec.type === 'bool' ? Array.from(data, Boolean) : Array.from(data) });
    }
  }
  return written;
}

/** The engine gives them as int32. */
function wideBytes(data: TensorData): Buffer {
  const bytes = Buffer.alloc(8 * data.length);
  for (const [index, value] of data.entries()) bytes.writeBigInt64LE(BigInt(value), 8 * index);
  return bytes;
}

/** @throws {Problem} `invalid_tensor`: before anything is computed */
export function checkOutputs(graph: GraphSpec, { outputs = [] }: InferRequest): void {
  for (const { name } of outputs) if (!Object.hasOwn(graph.outputs, name)) throw unknownOutput(graph, name);
  if (new Set(outputs.map(({ name }) => name)).size < outputs.length) throw new Problem('invalid_tensor', { detail: 'An output is asked for twice.' });
}

type WantedOutput = NonNullable<InferRequest['outputs']>[number] & { isBinary: boolean };

/** Those that are asked for, all where none is named. */
export function wantedOutputs(graph: GraphSpec, { outputs, parameters }: InferRequest): WantedOutput[] {
  const wanted: Omit<WantedOutput, 'isBinary'>[] = outputs ?? Object.keys(graph.outputs).map((name) => ({ name }));
  return wanted.map((output) => ({ ...output, isBinary: (output.parameters?.['binary_data'] ?? parameters?.['binary_data_output']) === true }));
}

function unknownOutput(graph: GraphSpec, name: string): Problem {
  return new Problem('invalid_tensor', { detail: `There is no output ${name}; there are ${Object.keys(graph.outputs).join(', ')}.` });
}
