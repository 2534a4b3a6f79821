import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, getPriority, totalmem } from 'node:os';
import type { ResourceSample } from '@tandem/schemas';
import type { Clock } from '../clock/index.ts';
import type { ResourceProbe } from './types.ts';

interface CpuTimes {
  busyMs: number;
  totalMs: number;
}

/** What runs at a lower priority than we do gives way: its time is ours to have. */
function cpuTimes(): CpuTimes {
  const isNice = getPriority() > 0;
  let busyMs = 0;
  let totalMs = 0;
  for (const { times } of cpus()) {
    const all = times.user + times.nice + times.sys + times.idle + times.irq;
    busyMs += all - times.idle - (isNice ? 0 : times.nice);
    totalMs += all;
  }
  return { busyMs, totalMs };
}

async function readNumber(path: string): Promise<number | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const value = Number.parseInt(text, 10);
  return Number.isFinite(value) ? value : undefined;
}

/** A container sees the host's totals through node:os; its own bound is in the cgroup (version 2). */
async function memory(): Promise<Pick<ResourceSample, 'memoryBytes' | 'memoryFreeBytes'>> {
  const limit = await readNumber('/sys/fs/cgroup/memory.max');
  const used = await readNumber('/sys/fs/cgroup/memory.current');
  if (limit === undefined || used === undefined || limit > totalmem()) {
    return { memoryBytes: totalmem(), memoryFreeBytes: freemem() };
  }
  return { memoryBytes: limit, memoryFreeBytes: Math.min(freemem(), Math.max(0, limit - used)) };
}

/** CPU use is the share of busy time since the sample before; the first sample has none. */
export function operatingSystemProbe(clock: Clock): ResourceProbe {
  let last = cpuTimes();
  return {
    async sample(): Promise<ResourceSample> {
      const now = cpuTimes();
      const totalMs = now.totalMs - last.totalMs;
      const cpuUse = totalMs > 0 ? (now.busyMs - last.busyMs) / totalMs : undefined;
      last = now;
      return {
        time: clock.now(),
        cpuCores: availableParallelism(),
        ...(cpuUse === undefined ? {} : { cpuUse }),
        ...(await memory()),
      };
    },
  };
}
