// Neither package has types.
declare module 'lz4js' {
  export function compress(bytes: Uint8Array): Uint8Array;
  /**
   * Damaged bytes give damaged bytes, and what has no room in the target is left out.
   * @returns where in the target the block ends, or would end
   */
  export function decompressBlock(bytes: Uint8Array, target: Uint8Array, from: number, length: number, at: number): number;
}

declare module 'snappyjs' {
  export function compress(bytes: Uint8Array): Uint8Array;
  /** @throws where it would come to more than `maxBytes` */
  export function uncompress(bytes: Uint8Array, maxBytes: number): Uint8Array;
}
