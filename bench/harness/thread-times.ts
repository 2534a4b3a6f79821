import { readdirSync, readFileSync } from 'node:fs';
import { parseStat, treeOf } from './process-tree.ts';

/** `inference-0` and `inference-1` are both `inference`; a thread without a name of its own has that of its process. */
export function threadKind(stat: string): string {
  return stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')).replace(/[-_/]?\d+$/, '');
}

function statOf(pid: number, thread: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}

/** CPU-seconds of these processes and their children by kind of thread; what has ended is not in it. Empty where there is no /proc. */
export function threadSecondsOf(roots: readonly number[]): Map<string, number> {
  const seconds = new Map<string, number>();
  const threads = treeOf(roots).flatMap(({ pid }) => readdirSync(`/proc/${pid}/task`).flatMap((thread) => statOf(pid, thread) ?? []));
  for (const stat of threads) seconds.set(threadKind(stat), (seconds.get(threadKind(stat)) ?? 0) + parseStat(0, stat, '').cpuSeconds);
  return seconds;
}
