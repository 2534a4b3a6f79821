import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GraphSpec, Variant } from '@tandem/schemas';
import { messageOf } from '../errors/index.ts';
import { RegistryError } from './errors.ts';

/**
 * Reads a graph's file and verifies its hash, and those of files that it takes constants from. Use the returned bytes: the
 * file may change after the check.
 * @throws {RegistryError} `model_missing`, `model_hash_mismatch`
 */
export async function readVerifiedGraph(directory: string, graph: Pick<GraphSpec, 'file' | 'sha256' | 'weights'>): Promise<Uint8Array> {
  for (const weights of graph.weights ?? []) await readVerifiedGraph(directory, weights);
  const file = join(directory, graph.file);
  const bytes = await readModel(file);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== graph.sha256) {
    const reason = `its sha256 is ${sha256}, the registry says ${graph.sha256}; restore the released file or register this one`;
    throw new RegistryError('model_hash_mismatch', file, reason);
  }
  return bytes;
}

/**
 * Verifies every file of a variant.
 * @throws {RegistryError} `model_missing`, `model_hash_mismatch`
 */
export async function verifyVariant(variant: Variant, directory: string): Promise<void> {
  for (const graph of Object.values(variant.graphs)) await readVerifiedGraph(directory, graph);
}

async function readModel(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new RegistryError('model_missing', file, `cannot be read: ${messageOf(error)}`, error);
  }
}
