export { acceptDrafts, choose, type ChosenItem, type Draft } from './drafts.ts';
export { SEQUENCE_LIMITS, type SequenceLimits, type SequenceSituation } from './limits.ts';
export { nextItems, seedOf, uniformAt, type DrawPurpose, type Listing, type NextItems, type SamplingRules } from './sampling.ts';
export type { NewSequence, Sequence } from './sequence.ts';
export { SequenceSchedule, type SequenceCall, type SequenceDecision } from './sequence-schedule.ts';
