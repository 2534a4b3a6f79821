import type { Variant } from '@tandem/schemas';
import { TandemError } from '../errors/index.ts';
import { variantName, type LoadedRegistry } from '../registry/index.ts';
import type { Release } from './release-records.ts';

export interface Promotion extends Release {
  variant: Variant;
}

/**
 * @param name `model.precision`
 * @param version @default the canary, where there is one, else the stable one
 * @throws {TandemError} `not_found`
 */
export function promotionOf({ variants, directory }: LoadedRegistry, name: string, version?: string): Promotion {
  const entries = variants.filter((variant) => variantName(variant) === name);
  const wanted = version === undefined ? (entries.find(({ status }) => status === 'canary') ?? entries.find(({ status }) => status === 'stable')) : entries.find((entry) => entry.version === version);
  if (wanted !== undefined) return { name, variant: { ...wanted, status: 'stable' }, version: wanted.version };
  const known = entries.map((entry) => `${entry.version} (${entry.status})`).join(', ');
  throw new TandemError(`the registry in ${directory} has no ${name}${version === undefined ? '' : ` version ${version}`}; ${known === '' ? `it has ${variants.map(variantName).join(', ')}` : `there is ${known}`}`, { code: 'not_found' });
}

/** Workers return to the registry's stable version. @throws {TandemError} `not_found` */
export function rollbackOf({ variants, directory }: LoadedRegistry, name: string): Release {
  const stable = variants.find((variant) => variantName(variant) === name && variant.status === 'stable');
  if (stable === undefined) throw new TandemError(`the registry in ${directory} has no stable ${name} to go back to`, { code: 'not_found' });
  return { name, variant: null, version: stable.version };
}
