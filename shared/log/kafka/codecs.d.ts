// Neither package has types.
declare module 'lz4js' {
  export function compress(bytes: Uint8Array): Uint8Array;
  export function decompress(bytes: Uint8Array): Uint8Array;
}

declare module 'snappyjs' {
  export function compress(bytes: Uint8Array): Uint8Array;
  /** @throws where it would come to more than `maxBytes` */
  export function uncompress(bytes: Uint8Array, maxBytes: number): Uint8Array;
}
