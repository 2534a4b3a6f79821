import type { Variant } from '@tandem/schemas';

/** How often answers are right: what a policy has to find out. */
export interface World {
  name: string;
  /** @param activity of the user, 0..1 */
  right(precision: string, activity: number): number;
}

export const WORLDS: readonly World[] = [
  { name: 'the light variant is as good', right: () => 0.6 },
  { name: 'the light variant fails active users', right: (precision, activity) => (precision === 'fp32' ? 0.6 : 0.7 - 0.4 * activity) },
  { name: 'the light variant is worse', right: (precision) => (precision === 'fp32' ? 0.6 : 0.4) },
];

/** The same for any variants: the lighter ones by what they are worth beside the most accurate one. */
export function worldsOf(variants: readonly Variant[]): World[] {
  const best = variants.reduce((one, other) => (other.accuracy.value > one.accuracy.value ? other : one));
  const share = new Map(variants.map(({ precision, accuracy }) => [precision, accuracy.value / best.accuracy.value]));
  return [
    { name: 'each is as good as validated', right: (precision) => 0.6 * share.get(precision)! },
    ...WORLDS.map(({ name, right }): World => ({ name, right: (precision, activity) => right(precision === best.precision ? 'fp32' : 'int8', activity) })),
  ];
}

/** Validated on other users: the light one loses two per cent. */
export function variantsOfWorld(): Variant[] {
  const variantOf = (precision: string, value: number): Variant => ({
    model: 'large', precision, version: '1', status: 'stable', adapter: 'classify', graphs: {}, limits: {}, lineage: {},
    accuracy: { metric: 'accuracy', value, others: {}, data: 'none', date: '2026-01-01' },
  });
  return [variantOf('fp32', 1), variantOf('int8', 0.98)];
}
