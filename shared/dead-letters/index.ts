export { matches, parseMoment, type LetterFilter } from './filter.ts';
export { tombstone, type DeadLetter } from './letter.ts';
export { Newest } from './newest.ts';
export { printable, shownValue } from './printable.ts';
export { replayLetters, type ReplaySummary } from './replay.ts';
export { whyInVain } from './replayable.ts';
export { findLetter, scanLetters } from './scan.ts';
