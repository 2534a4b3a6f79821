import type { Variant } from '@tandem/schemas';
import { variantName } from '@tandem/shared/registry';
import type { ServedVersions } from '../watch/worker-watch.ts';

/** What of a variant could be served, and what is. */
export interface ReleaseLine {
  /** `model.precision` */
  name: string;
  /** Of the registry; null: it has none. */
  stable: string | null;
  /** Of the registry, also the retired ones: what was served once may be wanted again. */
  versions: { version: string; status: Variant['status'] }[];
  /** By workers now, the version of most of them first. */
  serving: { version: string; workers: number }[];
  /** Those that some worker should have taken and could not. */
  refused: { version: string; reason: string }[];
}

/** Variants of the registry as it is now, by name; without those that no worker takes since all their versions are retired. */
export function listReleases(variants: readonly Variant[], served: ReadonlyMap<string, ServedVersions>): ReleaseLine[] {
  const known = [...Map.groupBy(variants, variantName)].filter(([, entries]) => entries.some(({ status }) => status !== 'retired'));
  return known.map(([name, entries]) => ({
    name,
    stable: entries.find(({ status }) => status === 'stable')?.version ?? null,
    versions: entries.map(({ version, status }) => ({ version, status })),
    ...(served.get(name) ?? { serving: [], refused: [] }),
  })).sort((a, b) => (a.name < b.name ? -1 : 1));
}
