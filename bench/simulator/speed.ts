/** How many requests are simulated in a second of one core, by what has to be decided for each. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { workloadSchema } from '@tandem/schemas';
import { fixedPolicy, thresholdPolicy, type Policy } from '@tandem/shared/core';
import { poissonArrivals } from '@tandem/shared/random';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import { curveTimes, hopAround, IN_MEMORY, simulate, uniformHops, type WorkerSpec } from '@tandem/simulator';

const { values } = parseArgs({ options: { requests: { type: 'string', default: '200000' }, json: { type: 'boolean', default: false } } });
const REPOSITORY = join(import.meta.dirname, '../..');
const PER_SECOND = 4_000;

const variants = stableVariants(await loadRegistry(join(REPOSITORY, 'models')));
const workload = workloadSchema.parse(JSON.parse(readFileSync(join(REPOSITORY, 'workloads/recommend.json'), 'utf8')));

function worker(instance: string): WorkerSpec {
  const times = (each: number) => [{ name: 'all', share: 1, times: curveTimes([{ size: 1, ms: 0.2 }, { size: 32, ms: 32 * each }], 0.1) }];
  const serves = new Map(variants.filter(({ model }) => model.startsWith('recommend')).map(({ model, precision }) => [`${model}.${precision}`, times(model.endsWith('small') ? 0.05 : 0.2)]));
  return { instance, machine: instance, sessions: 2, serves };
}

function speed(name: string, task: 'fine' | 'full', policy: Policy, hops = uniformHops(IN_MEMORY), stages = {}) {
  const seconds = Number(values.requests) / PER_SECOND;
  const before = process.cpuUsage();
  const { simulated, inTimeShare } = simulate({
    seed: 1, seconds, policy,
    traffic: [{ workload, arrivals: (random) => poissonArrivals(PER_SECOND, random), tasks: { [task]: 1 }, deadlineMs: 50, sloMs: 50 }],
    cluster: { variants, partitions: 16, workers: [worker('w1'), worker('w2')], hops, stages },
  });
  const { user, system } = process.cpuUsage(before);
  const cpuSeconds = (user + system) / 1e6;
  return { name, requestsPerSecond: Math.round(simulated.requests / cpuSeconds), eventsPerSecond: Math.round(simulated.events / cpuSeconds), wallMs: simulated.wallMs, inTimeShare };
}

const hops = uniformHops(hopAround(2));
const stages = { classifier: 0.01, scheduler: 0.01, worker: 0.01, fusion: 0.01 };
const rows = [
  speed('warm-up', 'fine', fixedPolicy('int8')),
  speed('one step, no hops, fixed', 'fine', fixedPolicy('int8')),
  speed('one step, hops, fixed', 'fine', fixedPolicy('int8'), hops, stages),
  speed('one step, hops, threshold', 'fine', thresholdPolicy(), hops, stages),
  speed('two steps, hops, threshold', 'full', thresholdPolicy(), hops, stages),
].slice(1);
if (values.json) console.log(JSON.stringify(rows));
else for (const { name, requestsPerSecond, eventsPerSecond } of rows) console.log(`${name.padEnd(30)} ${requestsPerSecond.toLocaleString('en')} requests/s, ${eventsPerSecond.toLocaleString('en')} events/s`);
