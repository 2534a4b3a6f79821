import type { TensorView } from '../../engine/types.ts';

const SIGNIFICANT_DIGITS = 5;

/**
 * Rounds values for compact records: five significant digits of the largest magnitude among them, one scale for all,
 * so that their order stays (equal ones keep their places). toPrecision per value would cost 30 times as much.
 */
export function roundTogether(values: readonly number[]): number[] {
  return roundInPlace(values.slice());
}

/** As `roundTogether`, for whoever owns the values. @returns them */
export function roundInPlace(values: number[]): number[] {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  if (largest === 0 || !Number.isFinite(largest)) return values;
  const scale = 10 ** (SIGNIFICANT_DIGITS - 1 - Math.floor(Math.log10(largest)));
  if (!Number.isFinite(scale)) return values;
  for (let index = 0; index < values.length; index += 1) values[index] = Math.round(values[index]! * scale) / scale;
  return values;
}

/** A float tensor's values, whatever its precision; float16 is stored as its bits. */
export function floatsOf({ data }: TensorView): ArrayLike<number> {
  return data instanceof Uint16Array ? Float32Array.from(data, float16FromBits) : data;
}

/** IEEE 754 binary16. */
export function float16FromBits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * 2 ** -24 * fraction;
  return sign * 2 ** (exponent - 25) * (0x400 + fraction);
}

/** Nearest IEEE 754 binary16, ties away from zero; beyond its range, infinity. */
export function float16ToBits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65_520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | Math.round(magnitude * 2 ** 24);
  const exponent = Math.floor(Math.log2(magnitude));
  const fraction = Math.round((magnitude / 2 ** exponent - 1) * 0x400);
  return sign | (((exponent + 15) << 10) + fraction);
}
