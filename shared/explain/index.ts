export { collectPath } from './collect.ts';
export { explainPath } from './explain.ts';
export type { SearchOptions } from './search.ts';
export type { ExplainedDecision, Explanation, PathEvent, PathRecord, RecordKind, WaterfallSpan } from './types.ts';
