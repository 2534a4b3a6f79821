export { matches } from './filter.ts';
export { follow, type FollowOptions, type Start } from './follow.ts';
export { responseLine, resultText } from './line.ts';
