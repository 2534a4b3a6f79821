export type { Clock, Random } from './types.ts';
export { systemClock } from './system.ts';
export { correctedClock } from './corrected.ts';
export { ManualClock } from './manual.ts';
export { untilSettled } from './until-settled.ts';
export { wait } from './wait.ts';
