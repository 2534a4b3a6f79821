import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a container may use of its host (cgroup version 2). Absent: no bound. */
export interface CgroupState {
  /** Cores' worth of time. */
  cpuCores?: number;
  /** CPU time used since the container began, ms. */
  cpuMs?: number;
  memoryLimitBytes?: number;
  memoryUsedBytes?: number;
}

const FOLDER = '/sys/fs/cgroup';

async function read(folder: string, name: string): Promise<string> {
  return readFile(join(folder, name), 'utf8').catch(() => '');
}

function numberIn(text: string): number | undefined {
  const value = Number.parseInt(text, 10);
  return Number.isFinite(value) ? value : undefined;
}

/** @param folder of the cgroup's files; where there are none, nothing is bounded */
export async function readCgroup(folder = FOLDER): Promise<CgroupState> {
  const [cpuMax, cpuStat, memoryMax, memoryCurrent] = await Promise.all(['cpu.max', 'cpu.stat', 'memory.max', 'memory.current'].map((name) => read(folder, name)));
  const [quota, period] = (cpuMax ?? '').split(' ').map(numberIn);
  const usedMicroseconds = numberIn(/^usage_usec (\d+)/m.exec(cpuStat ?? '')?.[1] ?? '');
  const [memoryLimitBytes, memoryUsedBytes] = [numberIn(memoryMax ?? ''), numberIn(memoryCurrent ?? '')];
  return {
    ...(quota === undefined || period === undefined ? {} : { cpuCores: quota / period }),
    ...(usedMicroseconds === undefined ? {} : { cpuMs: usedMicroseconds / 1_000 }),
    ...(memoryLimitBytes === undefined ? {} : { memoryLimitBytes }),
    ...(memoryUsedBytes === undefined ? {} : { memoryUsedBytes }),
  };
}
