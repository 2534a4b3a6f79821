import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { variantSchema, type Variant } from '@tandem/schemas';
import { z } from 'zod';
import { messageOf } from '../errors/index.ts';
import { RegistryError } from './errors.ts';
import { variantName } from './variants.ts';

const envelopeSchema = z.object({ registryVersion: z.literal(1), models: z.array(z.unknown()) });

/** What of a registry file can be used. */
export interface LoadedRegistry {
  /** Where the model files lie. */
  directory: string;
  /** Every entry that can be used, in the file's order. */
  variants: Variant[];
  /** One `registry_invalid` for each entry that cannot; the rest is served all the same. */
  refused: RegistryError[];
}

/**
 * Reads `<directory>/registry.json`. Model files are not opened: the engine verifies what it loads.
 * @throws {RegistryError} `registry_invalid` where the file as a whole cannot be read
 */
export async function loadRegistry(directory: string): Promise<LoadedRegistry> {
  const file = join(directory, 'registry.json');
  const envelope = envelopeSchema.safeParse(parseJson(file, await readText(file)));
  if (!envelope.success) throw new RegistryError('registry_invalid', file, z.prettifyError(envelope.error));
  const registry: LoadedRegistry = { directory, variants: [], refused: [] };
  for (const [index, entry] of envelope.data.models.entries()) addEntry(registry, file, index, entry);
  return registry;
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new RegistryError('registry_invalid', file, `cannot be read: ${messageOf(error)}; --models names a folder with a registry.json (tandem init makes one)`, error);
  }
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RegistryError('registry_invalid', file, `is not JSON: ${messageOf(error)}`, error);
  }
}

function addEntry(registry: LoadedRegistry, file: string, index: number, entry: unknown): void {
  const refuse = (reason: string) => {
    registry.refused.push(new RegistryError('registry_invalid', file, `models[${index}]: ${reason}`));
  };
  const parsed = variantSchema.safeParse(entry);
  if (!parsed.success) return refuse(z.prettifyError(parsed.error));
  const variant = parsed.data;
  const twin = registry.variants.find((other) => variantName(other) === variantName(variant) && other.status === variant.status);
  if (twin !== undefined && variant.status !== 'retired') {
    return refuse(`${variantName(variant)} is ${variant.status} twice (versions ${twin.version} and ${variant.version})`);
  }
  registry.variants.push(variant);
}
