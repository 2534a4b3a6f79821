import type { TensorSpec } from '@tandem/schemas';
import type { TensorData } from '../types.ts';

/** Element types that cross to JavaScript without a cost per element; int64 would need a BigInt each. */
export type ElementType = Exclude<TensorSpec['type'], 'int64'>;

interface ElementKind {
  bytes: number;
  view(buffer: SharedArrayBuffer, offset: number, length: number): TensorData;
}

/** Views by element type. float16 is seen as its bits (Uint16Array). */
export const ELEMENTS: Readonly<Record<ElementType, ElementKind>> = {
  float32: { bytes: 4, view: (buffer, offset, length) => new Float32Array(buffer, offset, length) },
  int32: { bytes: 4, view: (buffer, offset, length) => new Int32Array(buffer, offset, length) },
  float16: { bytes: 2, view: (buffer, offset, length) => new Uint16Array(buffer, offset, length) },
  int8: { bytes: 1, view: (buffer, offset, length) => new Int8Array(buffer, offset, length) },
  uint8: { bytes: 1, view: (buffer, offset, length) => new Uint8Array(buffer, offset, length) },
  bool: { bytes: 1, view: (buffer, offset, length) => new Uint8Array(buffer, offset, length) },
};

export function isSupported(type: TensorSpec['type']): type is ElementType {
  return type !== 'int64';
}
