import type { TensorSpec } from '@tandem/schemas';

/** The protocol's name of each element type. */
export const DATA_TYPES = { float32: 'FP32', float16: 'FP16', int32: 'INT32', int64: 'INT64', int8: 'INT8', uint8: 'UINT8', bool: 'BOOL' } as const satisfies Record<TensorSpec['type'], string>;

/** Of an element as callers send and get it. */
export const BYTES: Readonly<Record<TensorSpec['type'], number>> = { float32: 4, float16: 2, int32: 4, int64: 8, int8: 1, uint8: 1, bool: 1 };

/** Dynamic dimensions are −1. */
export function shapeOf({ shape }: TensorSpec): number[] {
  return shape.map((size) => (typeof size === 'number' ? size : -1));
}
