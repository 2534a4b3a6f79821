export type { ContentKey } from './content-key.ts';
export { Flights, type Flight } from './flights.ts';
export { freshnessMs } from './freshness.ts';
export { Interned } from './interned.ts';
export { structuralHash } from './structural-hash.ts';
export { ResultStore, type StoredResult } from './result-store.ts';
export { stepContent } from './step-content.ts';
