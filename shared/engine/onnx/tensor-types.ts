import type { TensorSpec } from '@tandem/schemas';
import type { TensorData } from '../types.ts';

export type ElementType = TensorSpec['type'];

interface ElementKind {
  bytes: number;
  view(buffer: SharedArrayBuffer, offset: number, length: number): TensorData;
}

/** Views by element type, as callers see them. float16 is seen as its bits (Uint16Array), int64 as int32 (wide-integers.ts). */
export const ELEMENTS: Readonly<Record<ElementType, ElementKind>> = {
  float32: { bytes: 4, view: (buffer, offset, length) => new Float32Array(buffer, offset, length) },
  int32: { bytes: 4, view: (buffer, offset, length) => new Int32Array(buffer, offset, length) },
  int64: { bytes: 4, view: (buffer, offset, length) => new Int32Array(buffer, offset, length) },
  float16: { bytes: 2, view: (buffer, offset, length) => new Uint16Array(buffer, offset, length) },
  int8: { bytes: 1, view: (buffer, offset, length) => new Int8Array(buffer, offset, length) },
  uint8: { bytes: 1, view: (buffer, offset, length) => new Uint8Array(buffer, offset, length) },
  bool: { bytes: 1, view: (buffer, offset, length) => new Uint8Array(buffer, offset, length) },
};
