// Neither package has types.
declare module 'lz4js' {
  export function compress(bytes: Uint8Array): Uint8Array;
  export function decompress(bytes: Uint8Array, maxBytes: number): Uint8Array;
  /** At most so long are they when decompressed, or so it says there. */
  export function decompressBound(bytes: Uint8Array): number;
}

declare module 'snappyjs' {
  export function compress(bytes: Uint8Array): Uint8Array;
  /** @throws where it would come to more than `maxBytes` */
  export function uncompress(bytes: Uint8Array, maxBytes: number): Uint8Array;
}
