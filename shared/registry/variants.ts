import type { Variant } from '@tandem/schemas';

/** `model.precision`: how a variant is called in topics, metrics and responses. */
export function variantName(variant: { model: string; precision: string }): string {
  return `${variant.model}.${variant.precision}`;
}

/** What serves by default; canaries take part in experiments only. */
export function stableVariants({ variants }: { variants: readonly Variant[] }): Variant[] {
  return variants.filter((variant) => variant.status === 'stable');
}
