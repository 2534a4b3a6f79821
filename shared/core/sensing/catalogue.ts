import type { Variant } from '@tandem/schemas';

/** The largest item id that any variant knows; undefined: no variant has a catalogue, so every item may be right. */
export function catalogueSize(variants: readonly Variant[]): number | undefined {
  const sizes = variants.flatMap(({ catalogue }) => (catalogue === undefined ? [] : [catalogue.items]));
  return sizes.length === 0 ? undefined : Math.max(...sizes);
}

/** Catalogue items are the integers from 1, written in decimal without signs or leading zeros. */
export function isCatalogueItem(itemId: string, items: number | undefined): boolean {
  if (items === undefined) return true;
  return /^[1-9]\d{0,15}$/.test(itemId) && Number(itemId) <= items;
}
