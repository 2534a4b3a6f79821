import { readdirSync, readFileSync } from 'node:fs';

/** What Linux tells of a process. */
export interface ProcessFigures {
  pid: number;
  parent: number;
  /** User and system time of all its threads, without its children's. */
  cpuSeconds: number;
  residentBytes: number;
  command: string;
}

/** USER_HZ: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4_096;
/** Fields of /proc/<pid>/stat behind the name in parentheses, counted from 0 (proc_pid_stat(5)). */
const FIELD = { parent: 1, user: 11, system: 12, residentPages: 21 };

export function parseStat(pid: number, stat: string, command: string): ProcessFigures {
  // The name may have spaces and parentheses of its own.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ').map(Number);
  return {
    pid,
    parent: fields[FIELD.parent] ?? 0,
    cpuSeconds: ((fields[FIELD.user] ?? 0) + (fields[FIELD.system] ?? 0)) / TICKS_PER_SECOND,
    residentBytes: (fields[FIELD.residentPages] ?? 0) * PAGE_BYTES,
    command,
  };
}

function readProcess(pid: number): ProcessFigures | undefined {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return parseStat(pid, readFileSync(`/proc/${pid}/stat`, 'utf8'), command);
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}

function everyProcess(): ProcessFigures[] {
  try {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
    return pids.flatMap((pid) => readProcess(pid) ?? []);
  } catch {
    // Not Linux.
    return [];
  }
}

/** These processes and all that they have started. Empty where there is no /proc. */
export function treeOf(roots: readonly number[], all: readonly ProcessFigures[] = everyProcess()): ProcessFigures[] {
  const wanted = new Set(roots);
  let before = 0;
  while (before < wanted.size) {
    before = wanted.size;
    for (const { pid, parent } of all) if (wanted.has(parent)) wanted.add(pid);
  }
  return all.filter(({ pid }) => wanted.has(pid));
}

/** CPU-seconds that these processes and their children have used; NaN where nothing is known of them. */
export function cpuSecondsOf(roots: readonly number[]): number {
  const tree = treeOf(roots);
  return tree.length === 0 ? NaN : tree.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}
