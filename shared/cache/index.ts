export type { AppendOptions, BoundedList, Cache } from './types.ts';
