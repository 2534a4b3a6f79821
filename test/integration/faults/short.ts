/** A short form of `npm run faults`, on servers of its own. Each seed is a different selection of these faults. */
export const short = {
  faults: 5, requests: 1_000, brokers: 1, kinds: ['kill', 'term', 'cut:fusion', 'cut:worker', 'redis-flush', 'redis-kill'],
  spacingMs: 3_000, leadMs: 2_000, tailMs: 3_000, lateBoundMs: 60_000, instances: 2, stageFlags: [], patienceMs: 90_000, keepLogs: false, chain: [],
} as const;

/** What `runFaults` reports then. */
export const nothingWrong = { requests: 1_000, answered: 1_000, lost: 0, outOfOrder: 0, late: 0, wrong: 0, failures: [], crashes: [] };
