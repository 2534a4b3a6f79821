export interface VariantLabels {
  readonly model: string;
  readonly precision: string;
}

const known = new Map<string, VariantLabels>();

/**
 * @param variant `model.precision`. Of the registry, so they are few: cutting the name each time would cost more than counting.
 */
export function variantLabels(variant: string): VariantLabels {
  let labels = known.get(variant);
  if (labels === undefined) {
    const [model = variant, precision = ''] = variant.split('.');
    known.set(variant, labels = { model, precision });
  }
  return labels;
}
