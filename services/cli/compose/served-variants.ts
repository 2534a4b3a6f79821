import type { Variant } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import { TandemError } from '@tandem/shared/errors';
import { loadRegistry, variantName } from '@tandem/shared/registry';

/** On a CPU FP16 gains nothing: not loaded unless named. */
const DEFAULT_PRECISIONS: ReadonlySet<string> = new Set(['fp32', 'int8']);

/** What a worker loads. */
export interface ServedVariants {
  variants: Variant[];
  /** Names of those that stay at the version that was named, whatever is released. */
  pinned: ReadonlySet<string>;
}

/**
 * What a worker loads: the variants that --variants names, else FP32 and INT8 of every stable model. `model.precision@version` is that
 * version of the registry, a canary too: for a pool of workers that serves it to an experiment.
 * @param stable of the registry
 * @throws {TandemError} `settings_invalid` for a name that is not in the registry
 */
export async function servedVariants({ variants: names, models }: Pick<Settings, 'variants' | 'models'>, stable: readonly Variant[]): Promise<ServedVariants> {
  if (names === undefined) return { variants: stable.filter(({ precision }) => DEFAULT_PRECISIONS.has(precision)), pinned: new Set() };
  const pinned = names.filter((name) => name.includes('@'));
  const all = pinned.length === 0 ? [] : (await loadRegistry(models)).variants;
  const variants = names.map((name) => (name.includes('@') ? versionNamed(name, all) : variantNamed(name, stable)));
  return { variants, pinned: new Set(pinned.map((name) => name.slice(0, name.indexOf('@')))) };
}

function variantNamed(name: string, stable: readonly Variant[]): Variant {
  const variant = stable.find((known) => variantName(known) === name);
  if (variant !== undefined) return variant;
  throw new TandemError(`--variants names ${name}; the registry has ${stable.map(variantName).join(', ')}`, { code: 'settings_invalid' });
}

function versionNamed(name: string, all: readonly Variant[]): Variant {
  const entries = all.map((known) => ({ known, named: `${variantName(known)}@${known.version}` }));
  const found = entries.find(({ named }) => named === name);
  if (found !== undefined) return { ...found.known, status: 'stable' };
  throw new TandemError(`--variants names ${name}; the registry has ${entries.map(({ named }) => named).join(', ')}`, { code: 'settings_invalid' });
}
