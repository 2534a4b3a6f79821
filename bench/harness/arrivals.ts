import type { Arrivals } from '@tandem/shared/random';

/** All at once. */
export const burst: Arrivals = { next: () => 0 };
