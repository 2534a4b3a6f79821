import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TandemError, messageOf } from '../../errors/index.ts';
import type { TensorMetadata } from './messages.ts';

/** The inference runtime of this process, for people who look for what is wrong. */
export interface RuntimeFacts {
  version: string;
  /** Execution providers of this build by name, `cpu` among them. */
  providers: string[];
}

/** What an ONNX file takes and gives. A name, or an empty text, stands for a size that is open. */
export interface ModelTensors {
  inputs: TensorMetadata[];
  outputs: TensorMetadata[];
}

/**
 * Loads the native library, which nothing else does on the main thread.
 * @throws {TandemError} `runtime_missing`
 */
export async function describeRuntime(): Promise<RuntimeFacts> {
  const { env, listSupportedBackends } = await importRuntime();
  return { version: env.versions.node ?? env.versions.common, providers: listSupportedBackends().map(({ name }) => name) };
}

/**
 * Reads a model's own names, types and shapes, on the CPU. Blocks the thread while the model loads.
 * @throws {TandemError} `model_missing`, `model_load_failed`, `runtime_missing`
 */
export async function describeModel(file: string): Promise<ModelTensors> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new TandemError(`${file} cannot be read: ${messageOf(error)}`, { code: 'model_missing', cause: error });
  });
  await importRuntime();
  const { openSession } = await import('./open-session.ts');
  try {
    const { session, report } = await openSession(bytes, { intraOpThreads: 1, graphOptimization: 'basic', spinning: false, providers: ['cpu'], folder: dirname(file) });
    await session.release();
    return { inputs: report.inputs, outputs: report.outputs };
  } catch (error) {
    throw new TandemError(`${file} is no model that ONNX Runtime loads: ${messageOf(error)}`, { code: 'model_load_failed', cause: error });
  }
}

async function importRuntime() {
  try {
    return await import('onnxruntime-node');
  } catch (error) {
    throw new TandemError(`onnxruntime-node cannot be loaded on this machine (${messageOf(error)}); "npm ci" installs it`, { code: 'runtime_missing', cause: error });
  }
}
