export { eraseUser, type EraseSummary } from './erase.ts';
