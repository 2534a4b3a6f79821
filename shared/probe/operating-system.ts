import { availableParallelism, cpus, freemem, getPriority, totalmem } from 'node:os';
import type { ResourceSample } from '@tandem/schemas';
import type { Clock } from '../clock/index.ts';
import { readCgroup, type CgroupState } from './cgroup.ts';
import { NetworkCounters } from './network.ts';
import { RaplPower } from './rapl.ts';
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

/** A container sees the host's totals through node:os; its own bound is in the cgroup. */
function memory({ memoryLimitBytes: limit, memoryUsedBytes: used }: CgroupState): Pick<ResourceSample, 'memoryBytes' | 'memoryFreeBytes'> {
  if (limit === undefined || used === undefined || limit > totalmem()) return { memoryBytes: totalmem(), memoryFreeBytes: freemem() };
  return { memoryBytes: limit, memoryFreeBytes: Math.min(freemem(), Math.max(0, limit - used)) };
}

interface Looked {
  at: number;
  machine: CpuTimes;
  cgroup: CgroupState;
}

/** Of what a container may use, where its CPU time is bounded: else of the machine. */
function cpuUse(last: Looked, now: Looked): number | undefined {
  const { cpuCores, cpuMs } = now.cgroup;
  const usedMs = cpuMs === undefined || last.cgroup.cpuMs === undefined ? undefined : cpuMs - last.cgroup.cpuMs;
  if (cpuCores !== undefined && cpuCores < cpus().length && usedMs !== undefined && now.at > last.at) return Math.min(1, usedMs / (cpuCores * (now.at - last.at)));
  const totalMs = now.machine.totalMs - last.machine.totalMs;
  return totalMs > 0 ? (now.machine.busyMs - last.machine.busyMs) / totalMs : undefined;
}

export interface OperatingSystemProbeOptions {
  /** Where the cgroup's files are. @default /sys/fs/cgroup */
  cgroupFolder?: string;
  /** Where the energy counters are. @default /sys/class/powercap */
  powercapFolder?: string;
  /** Counters of the network's interfaces. @default /proc/net/dev */
  networkFile?: string;
}

/** CPU use, power and what goes through the network are of the time since the sample before; the first sample has none of them. */
export function operatingSystemProbe(clock: Clock, { cgroupFolder, powercapFolder, networkFile }: OperatingSystemProbeOptions = {}): ResourceProbe {
  const power = new RaplPower(powercapFolder);
  const counters = new NetworkCounters(networkFile);
  let last: Looked = { at: clock.now(), machine: cpuTimes(), cgroup: {} };
  return {
    async sample(): Promise<ResourceSample> {
      const [cgroup, powerWatts, network] = await Promise.all([readCgroup(cgroupFolder), power.watts(clock.now()), counters.use(clock.now())]);
      const now: Looked = { at: clock.now(), machine: cpuTimes(), cgroup };
      const use = cpuUse(last, now);
      last = now;
      return {
        time: now.at,
        cpuCores: Math.min(availableParallelism(), cgroup.cpuCores ?? Infinity),
        ...(use === undefined ? {} : { cpuUse: use }),
        ...memory(cgroup),
        ...(powerWatts === undefined ? {} : { powerWatts }),
        ...(network === undefined ? {} : { network }),
      };
    },
  };
}
