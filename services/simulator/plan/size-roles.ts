import type { Path } from './path-policy.ts';
import type { Catalogue, MachineKind, MachineRole } from './catalogue.ts';
import { flowTopics, topicLoads } from './log-load.ts';
import type { LogPlan, RedisPlan, RolePlan } from './types.ts';

/** Machines in all zones so that those left when one is lost carry what is needed. */
function withZone(needed: number, zones: number): number {
  return Math.ceil(needed / Math.max(1, zones - 1)) * zones;
}

/** @param needed machines for the whole rate, not rounded */
function rolePlan(role: MachineRole, machine: MachineKind, needed: number, because: string, { zones }: Catalogue, least = 1): RolePlan {
  const count = Math.ceil(Math.max(withZone(needed, zones), least) / zones) * zones;
  const left = zones === 1 ? 0 : (count * (zones - 1)) / zones;
  return { role, machine: machine.name, count, needed, because, costPerHour: count * machine.pricePerHour, headroomZoneLost: left / needed - 1 };
}

function cheapest(machines: readonly MachineKind[], role: MachineRole, plan: (machine: MachineKind) => RolePlan): RolePlan {
  return machines.filter(({ roles }) => roles.includes(role)).map(plan).reduce((best, one) => (one.costPerHour < best.costPerHour ? one : best));
}

/** Chains of classifier, scheduler and fusion: CPU. */
export function edgePlan(catalogue: Catalogue, rate: number, { plan }: Path): RolePlan {
  const { edgeCpuMsPerRequest, edgeCpuMsPerStep, utilisation } = catalogue.assumptions;
  const ms = edgeCpuMsPerRequest + (plan.steps.length - 1) * edgeCpuMsPerStep;
  return cheapest(catalogue.machines, 'edge', (machine) =>
    rolePlan('edge', machine, (rate * ms) / (1_000 * machine.cores * machine.speed * utilisation), `${ms.toFixed(2)} ms of CPU per request, ${Math.round(utilisation * 100)} % used`, catalogue, catalogue.zones));
}

/** @param partitions of every topic of the flow */
export function brokerPlan(catalogue: Catalogue, rate: number, { plan }: Path, partitions: number): { role: RolePlan; log: LogPlan } {
  const { assumptions, machines, zones } = catalogue;
  const { brokerMBs, brokerRecordsPerSecond, brokerPartitions, replication } = assumptions;
  const topics = topicLoads(plan, rate, assumptions);
  const append = topics.reduce((sum, { megabytesPerSecond }) => sum + megabytesPerSecond, 0) * replication;
  const read = topics.reduce((sum, { megabytesPerSecond, readers }) => sum + megabytesPerSecond * readers, 0) + append * ((replication - 1) / replication);
  const records = topics.reduce((sum, { recordsPerSecond }) => sum + recordsPerSecond, 0);
  const replicas = partitions * flowTopics(plan) * replication;
  const role = cheapest(machines, 'broker', (machine) => {
    const bounds: [number, string][] = [
      [append / brokerMBs, `${Math.round(append)} MB/s appended with replicas`],
      [(append + read) / machine.networkMBs, `${Math.round(append + read)} MB/s in and out`],
      [records / brokerRecordsPerSecond, `${compact(records)} records/s`],
      [replicas / brokerPartitions, `${compact(replicas)} replicas of partitions`],
    ];
    const [needed, because] = bounds.reduce((most, bound) => (bound[0] > most[0] ? bound : most));
    return rolePlan('broker', machine, needed, because, catalogue, Math.max(replication, zones));
  });
  const brokers = role.count;
  return {
    role,
    log: {
      topics, partitions, replicas, brokers, appendMBsPerBroker: append / brokers, readMBsPerBroker: read / brokers,
      recordsPerSecondPerBroker: records / brokers, replicasPerBroker: replicas / brokers,
    },
  };
}

/** Primaries in all zones; each has a replica in another, which counts as a machine of its own. */
export function redisPlan(catalogue: Catalogue, rate: number): { role: RolePlan; redis: RedisPlan } {
  const { redisOpsPerRequest, redisOpsPerSecond } = catalogue.assumptions;
  const opsPerSecond = rate * redisOpsPerRequest;
  const processes = Math.max(1, opsPerSecond / redisOpsPerSecond);
  const role = cheapest(catalogue.machines, 'redis', (machine) =>
    rolePlan('redis', machine, (2 * processes) / machine.cores, `${compact(opsPerSecond)} commands/s, a core each ${compact(redisOpsPerSecond)}; and as many replicas`, catalogue, 2));
  return { role, redis: { opsPerSecond, processes: Math.ceil(processes) } };
}

export function compact(value: number): string {
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} M` : value >= 10_000 ? `${Math.round(value / 1e3)} k` : String(Math.round(value));
}
