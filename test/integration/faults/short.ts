import type { FaultReport } from '../../faults/report.ts';

/**
 * A short form of `npm run faults`, on servers of its own. Each seed is a different selection of these faults; those of
 * the tests have a suspended fusion process and a killed broker among them.
 */
export const short = {
  faults: 6, requests: 1_000, brokers: 1, kinds: ['kill', 'term', 'pause:fusion', 'cut:fusion', 'cut:worker', 'broker-kill', 'redis-flush', 'redis-kill'],
  spacingMs: 4_000, leadMs: 2_000, tailMs: 3_000, lateBoundMs: 20_000, instances: 2, stageFlags: [], patienceMs: 90_000, keepLogs: false, chain: [],
} as const;

/** What `runFaults` reports then. */
export const nothingWrong = {
  requests: 1_000, answered: 1_000, lost: 0, doubledUnexplained: 0, outOfOrder: 0, wrong: 0, failures: [], crashes: [],
  // As the seed chose them.
  faults: { pause: 1, 'broker-kill': 1 },
};

/**
 * The stated bound is that of one fault. Here they come every 4 s, on machines with other work: what was broken is up
 * again when it is, and until then nobody can answer. So the bound, and as long as all faults took together.
 */
export function latestAllowedMs({ timeline }: FaultReport): number {
  return short.lateBoundMs + timeline.reduce((sum, { startedAt, endedAt }) => sum + endedAt - startedAt, 0);
}
