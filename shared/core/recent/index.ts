export { RecentKeys, type RecentKeysOptions } from './recent-keys.ts';
