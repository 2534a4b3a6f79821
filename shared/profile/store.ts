import { createHash } from 'node:crypto';
import { access, constants, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Variant } from '@tandem/schemas';
import { messageOf } from '../errors/index.ts';
import { profileSchema, type Hardware, type Profile, type StoredVariantProfile } from './types.ts';

const FOLDER = 'profiles';

/** Of a variant's model files. */
export function filesDigest({ graphs }: Variant): string {
  const hashes = Object.entries(graphs).map(([name, { sha256 }]) => `${name} ${sha256}`).sort();
  return createHash('sha256').update(hashes.join('\n')).digest('hex').slice(0, 16);
}

/** Where one is looked for, in this order, and kept in the first that may be written: beside the registry, else in the user's cache. */
function foldersOf(modelsDirectory: string): string[] {
  const models = createHash('sha256').update(modelsDirectory).digest('hex').slice(0, 8);
  return [join(modelsDirectory, FOLDER), join(homedir(), '.cache', 'tandem', FOLDER, models)];
}

async function read(file: string): Promise<Profile | undefined> {
  try {
    const parsed = profileSchema.safeParse(JSON.parse(await readFile(file, 'utf8')));
    // What an older version wrote is measured again.
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** The profile of this hardware; undefined: none has been made. */
export async function loadProfile(modelsDirectory: string, { fingerprint }: Hardware): Promise<Profile | undefined> {
  for (const folder of foldersOf(modelsDirectory)) {
    const profile = await read(join(folder, `${fingerprint}.json`));
    if (profile !== undefined) return profile;
  }
  return undefined;
}

/** What the profile knows of exactly this model; undefined: of others at most. */
export function profileOf(profile: Profile | undefined, variant: Variant): StoredVariantProfile | undefined {
  const files = filesDigest(variant);
  return profile?.variants.find(({ model, precision, files: known }) => model === variant.model && precision === variant.precision && known === files);
}

/**
 * Adds to the hardware's profile, or replaces what it knew of the same variants.
 * @returns the file
 * @throws what the last folder's file system throws
 */
export async function saveProfile(modelsDirectory: string, hardware: Hardware, variants: readonly StoredVariantProfile[]): Promise<string> {
  const before = await loadProfile(modelsDirectory, hardware);
  const replaced = new Set(variants.map(({ model, precision }) => `${model}.${precision}`));
  const kept = before?.variants.filter(({ model, precision }) => !replaced.has(`${model}.${precision}`)) ?? [];
  const profile: Profile = { profileVersion: 1, hardware, variants: [...kept, ...variants] };
  let failure: unknown;
  for (const folder of foldersOf(modelsDirectory)) {
    try {
      return await write(folder, `${hardware.fingerprint}.json`, profile);
    } catch (error) {
      failure = error;
    }
  }
  throw new Error(`the profile cannot be kept: ${messageOf(failure)}`, { cause: failure });
}

/** Whoever reads meanwhile reads the old one. */
async function write(folder: string, name: string, profile: Profile): Promise<string> {
  await mkdir(folder, { recursive: true });
  await access(folder, constants.W_OK);
  const file = join(folder, name);
  const partial = `${file}.${process.pid}`;
  await writeFile(partial, `${JSON.stringify(profile, null, 1)}\n`);
  await rename(partial, file);
  return file;
}
