const INT32 = [-2_147_483_648, 2_147_483_647] as const;

/** The least and the most that a whole number may be, by the element type of its tensor; int64 crosses to its callers as int32. */
export const WHOLE_NUMBERS: Readonly<Partial<Record<string, readonly [number, number]>>> = { int32: INT32, int64: INT32, int8: [-128, 127], uint8: [0, 255] };
