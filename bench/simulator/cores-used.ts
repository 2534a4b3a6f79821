import { readdirSync, readFileSync } from 'node:fs';
import { cpuSecondsOf, parseStat } from '../harness/process-tree.ts';

/** Cores that a run took, by who took them: means over it. */
export interface CoresUsed {
  /** Everything but inference, by process; of a worker what it does beside it. */
  others: Readonly<Record<string, number>>;
  /** The workers' session threads. */
  inference: number;
}

/** Whom to look at. Workers have one session each. */
export interface Watched {
  chain: number;
  workers: readonly number[];
  /** Undefined: it runs elsewhere, or is not ours. */
  broker: number | undefined;
}

/** CPU time so far. */
export interface CpuSnapshot {
  atMs: number;
  /** Seconds, by process. */
  processes: Readonly<Record<string, number>>;
  /** Of each worker, seconds by thread; the first thread is the one that reads and writes records. */
  threads: readonly ReadonlyMap<number, number>[];
}

/** Reads it from /proc: some milliseconds. */
export function cpuNow({ chain, workers, broker }: Watched): CpuSnapshot {
  const { user, system } = process.cpuUsage();
  return {
    atMs: performance.now(),
    processes: { chain: cpuSecondsOf([chain]), 'load generator': (user + system) / 1e6, ...(broker === undefined ? {} : { broker: cpuSecondsOf([broker]) }) },
    threads: workers.map(threadSeconds),
  };
}

export function coresBetween(before: CpuSnapshot, after: CpuSnapshot): CoresUsed {
  const seconds = (after.atMs - before.atMs) / 1_000;
  const others = Object.fromEntries(Object.entries(after.processes).map(([name, used]) => [name, (used - (before.processes[name] ?? 0)) / seconds]));
  let inference = 0;
  after.threads.forEach((threads, index) => {
    const used = [...threads].map(([thread, total]) => (total - (before.threads[index]?.get(thread) ?? 0)) / seconds);
    const session = Math.max(0, ...used.slice(1));
    inference += session;
    others[`worker ${index + 1}`] = used.reduce((sum, one) => sum + one, 0) - session;
  });
  return { others, inference };
}

export function othersTogether({ others }: CoresUsed): number {
  return Object.values(others).reduce((sum, one) => sum + one, 0);
}

/** Of a process, in the order in which they were started. Empty: it has ended. */
function threadSeconds(pid: number): Map<number, number> {
  const folder = `/proc/${pid}/task`;
  try {
    const threads = readdirSync(folder).map(Number).sort((a, b) => a - b);
    return new Map(threads.map((thread) => [thread, parseStat(thread, readFileSync(`${folder}/${thread}/stat`, 'utf8'), '').cpuSeconds]));
  } catch {
    return new Map();
  }
}
