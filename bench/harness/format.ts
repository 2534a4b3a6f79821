import type { Spread } from '@tandem/shared/statistics';

/** Three significant digits, thousands apart; a dash where nothing was measured. */
export function number(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(digits)));
}

/** `.374`, as accuracy is written here. */
export function share(value: number): string {
  return Number.isFinite(value) ? value.toFixed(3).replace(/^0/, '') : '–';
}

/** Of a share, with the standard error: `0.8 ± 1.0`. */
export function points(value: number, error: number): string {
  return Number.isFinite(value) ? `${(value * 100).toFixed(1)} ± ${(error * 100).toFixed(1)}` : '–';
}

export function percent(value: number): string {
  return Number.isFinite(value) ? `${number(value * 100)} %` : '–';
}

/** The median, and from the least to the most where there are several. */
export function spread({ median, least, most }: Spread): string {
  return least === most || !Number.isFinite(median) ? number(median) : `${number(median)} (${number(least)}–${number(most)})`;
}
