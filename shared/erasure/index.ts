export { ErasedUsers } from './erased-users.ts';
export { ErasureWatch, type ErasureWatchOptions } from './erasure-watch.ts';
