import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const KIBIBYTE = 1_024;

/** Resident memory of processes, bytes, by pid; those that are gone are left out. */
export async function residentBytes(pids: readonly number[]): Promise<Map<number, number>> {
  if (pids.length === 0) return new Map();
  const { stdout } = await promisify(execFile)('ps', ['-o', 'pid=,rss=', '-p', pids.join(',')]).catch(() => ({ stdout: '' }));
  const rows = stdout.trim().split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return new Map(rows.flatMap(([pid, kibibytes]) => (pid === undefined || kibibytes === undefined ? [] : [[pid, kibibytes * KIBIBYTE] as const])));
}
