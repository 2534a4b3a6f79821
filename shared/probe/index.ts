export type { ResourceProbe } from './types.ts';
export { operatingSystemProbe } from './operating-system.ts';
