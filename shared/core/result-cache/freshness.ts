import type { Freshness } from '@tandem/schemas';

const PRESETS_MS = { '5 minutes': 300_000, '1 hour': 3_600_000, '1 day': 86_400_000 } as const;

/** How old a result may be, ms; undefined: results are not kept. */
export function freshnessMs(freshness: Freshness): number | undefined {
  if (freshness === 'off') return undefined;
  return typeof freshness === 'number' ? 1_000 * freshness : PRESETS_MS[freshness];
}
