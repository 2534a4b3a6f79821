import { readFile } from 'node:fs/promises';
import type { Variant } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import { TandemError, messageOf } from '@tandem/shared/errors';
import { curveOf, describeHardware, loadProfile, profileOf, profileSchema, type Profile } from '@tandem/shared/profile';
import { variantName } from '@tandem/shared/registry';
import { parseProfile, registryProfile, type PlanRequest } from '@tandem/simulator';

type Source = Pick<PlanRequest, 'profile' | 'profileSource'>;

const FROM_REGISTRY = 'as the registry has them (batches of 1 and of 32, one thread, on the machine where the models were made; between them in proportion)';

/** Batch times for a plan: from a file, else as `tandem profile` measured them on this hardware, else as the registry has them. */
export async function planProfile(file: string | undefined, variants: readonly Variant[], settings: Pick<Settings, 'models' | 'providers' | 'intraOpThreads'>): Promise<Source> {
  if (file !== undefined) return fromFile(file, variants);
  const stored = await loadProfile(settings.models, describeHardware(settings));
  return stored === undefined ? { profile: registryProfile(variants), profileSource: FROM_REGISTRY } : measured(stored, variants, 'of this hardware');
}

/** A profile as it is stored, or curves by name. */
async function fromFile(file: string, variants: readonly Variant[]): Promise<Source> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new TandemError(`--profile ${file} cannot be read: ${messageOf(error)}`, { code: 'usage', cause: error });
  });
  const stored = profileSchema.safeParse(withVersion(json(text)));
  return stored.success ? measured(stored.data, variants, file) : { profile: parseProfile(text, file), profileSource: `measured, ${file}` };
}

/** Undefined: it is none, which `parseProfile` will say. */
function json(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** What `tandem profile --json` prints has none. */
function withVersion(parsed: unknown): unknown {
  return typeof parsed === 'object' && parsed !== null && 'hardware' in parsed ? { profileVersion: 1, ...parsed } : parsed;
}

function measured(stored: Profile, variants: readonly Variant[], where: string): Source {
  const known = variants.flatMap((variant) => {
    const profile = profileOf(stored, variant);
    return profile === undefined ? [] : [[variantName(variant), curveOf(profile)] as const];
  });
  const others = variants.length - known.length;
  const { cpu, cores } = stored.hardware;
  return {
    profile: new Map([...registryProfile(variants), ...known]),
    profileSource: `profile ${where} (${cpu}, ${cores} cores) for ${known.length} variants${others === 0 ? '' : `; ${others} others ${FROM_REGISTRY}`}; one thread, sequences of middle length`,
  };
}
