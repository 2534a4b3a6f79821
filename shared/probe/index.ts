export type { ResourceProbe } from './types.ts';
