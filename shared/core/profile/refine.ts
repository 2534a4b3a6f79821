import type { BatchTimePoint } from '@tandem/schemas';
import { batchMs, monotone } from './batch-curve.ts';

/**
 * What batches take now, of what the profile says: the median over the sizes that have run. It holds the machine's load and clock, and
 * the mix of graphs and lengths. Undefined: none has run, or nothing is known to compare with.
 */
export function driftOf(profiled: readonly BatchTimePoint[], measured: readonly BatchTimePoint[]): number | undefined {
  const ratios = measured.flatMap(({ size, ms }) => {
    const then = batchMs(profiled, size);
    return then === undefined || then === 0 ? [] : [ms / then];
  }).sort((a, b) => a - b);
  return ratios[Math.floor(ratios.length / 2)];
}

/** Within this factor sizes are alike: the measured one stands for both. */
const ALIKE = 1.5;

/**
 * What is measured where there is something, and elsewhere what the profile says, as far as it is off now.
 * @param drift as of this variant, or of another precision of its model
 */
export function refined(profiled: readonly BatchTimePoint[], measured: readonly BatchTimePoint[], drift: number): BatchTimePoint[] {
  const isMeasured = ({ size }: BatchTimePoint) => measured.some((point) => point.size < size * ALIKE && size < point.size * ALIKE);
  const rest = profiled.filter((point) => !isMeasured(point)).map(({ size, ms, samples }) => ({ size, ms: ms * drift, samples }));
  return [...monotone([...measured, ...rest])];
}
