import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { spreadOf } from '@tandem/shared/statistics';
import type { Bench, Findings, Scenario, Table } from '../../harness/bench.ts';
import type { Contender } from '../../harness/contender.ts';
import { number, percent, spread } from '../../harness/format.ts';
import { Session } from '../../harness/measure.ts';
import { cpuSecondsOf, treeOf } from '../../harness/process-tree.ts';
import { inRounds, type Rounds } from '../../harness/rounds.ts';
import { tandemContender } from '../../harness/tandem-contender.ts';
import { flameGraph } from '../../report/flame-graph.ts';
import { readProfiles, selfTimes, type CallTree } from '../../report/cpu-profile.ts';
import { settingCapability } from '../capabilities.ts';
import { noopFlags } from '../made/made-models.ts';

/** Where the median is asked for, requests per second. */
const RATES = [500, 2_000];
/** A backlog as large as what the fastest burst would answer in so long. */
const BACKLOG_SECONDS = 6;
const TOP = 12;
const PROFILE_INTERVAL_US = 500;
const PROFILES_PATIENCE_MS = 40_000;

interface NoopRun {
  /** Of a backlog without a deadline that matters: what the flow can carry, however long a request waits. */
  throughputPerSecond: number;
  goodputPerSecond: number;
  steady: { ratePerSecond: number; p50Ms: number; p99Ms: number; /** By process, and the broker. */ cpuUsPerRequest: Record<string, number> }[];
}

function contenders(folder: string): Contender[] {
  const flags = noopFlags(folder);
  const chained = (value: string, description: string) => {
    const chain = settingCapability('chain', value);
    return tandemContender({ name: `chained: ${value}`, description, task: 'full', flags: [...flags, ...(chain.flags ?? [])], unavailable: chain.missing });
  };
  return [
    tandemContender({ name: 'unchained', description: 'a process for each stage; two models, six hops', task: 'full', flags }),
    chained('edge', 'all stages but the workers in one process'),
    chained('all', 'all stages in one process'),
  ];
}

/** What follows `stage` on the command line. */
function stageOf(command: string): string {
  return / stage (\S+)/.exec(command)?.[1] ?? 'cluster';
}

function cpuByProcess(pids: readonly number[], brokerPid: number | undefined): Map<string, number> {
  const stages = treeOf(pids).map(({ command, cpuSeconds }) => [stageOf(command), cpuSeconds] as const);
  return new Map([...stages, ...(brokerPid === undefined ? [] : [['broker', cpuSecondsOf([brokerPid])] as const])]);
}

async function steadyAt(session: Session, ratePerSecond: number, { effort, stand }: Bench): Promise<NoopRun['steady'][number]> {
  const before = cpuByProcess(session.contender.pids, stand.brokerPid);
  const { figures } = await session.at(ratePerSecond, effort.steadySeconds);
  const after = cpuByProcess(session.contender.pids, stand.brokerPid);
  const cpuUsPerRequest = Object.fromEntries([...after].map(([name, seconds]) => [name, ((seconds - (before.get(name) ?? 0)) * 1e6) / figures.offered]));
  return { ratePerSecond, p50Ms: figures.p50Ms, p99Ms: figures.p99Ms, cpuUsPerRequest };
}

async function one(contender: Contender, bench: Bench): Promise<NoopRun> {
  await using session = await Session.open(contender, bench);
  await session.ready();
  const burstPerSecond = await session.warmUp();
  const throughputPerSecond = await session.drain(Math.round(burstPerSecond * BACKLOG_SECONDS));
  const { goodputPerSecond } = await session.search(burstPerSecond);
  const steady: NoopRun['steady'] = [];
  for (const rate of RATES) steady.push(await steadyAt(session, rate, bench));
  return { throughputPerSecond, goodputPerSecond, steady };
}

/** Profiles of the main thread of each stage, under load at a rate. */
async function profile(contender: Contender, rate: number, bench: Bench): Promise<Map<string, CallTree>> {
  const folder = mkdtempSync(join(bench.folder, 'profiles-'));
  const options = `--cpu-prof --cpu-prof-dir=${folder} --cpu-prof-interval=${PROFILE_INTERVAL_US}`;
  const { start } = contender;
  await using session = await Session.open({ ...contender, start: (place) => start(place, ['env', `NODE_OPTIONS=${options}`]) }, bench);
  await session.ready();
  await session.warmUp();
  const sinceMs = Date.now();
  await session.at(rate, 2 * bench.effort.steadySeconds);
  const stages = new Map(treeOf(session.contender.pids).map(({ pid, command }) => [pid, stageOf(command)]));
  // Profiles are written when a process ends by itself.
  for (const pid of session.contender.pids) process.kill(pid, 'SIGTERM');
  const until = performance.now() + PROFILES_PATIENCE_MS;
  while (treeOf(session.contender.pids).length > 0 && performance.now() < until) await delay(100);
  const trees = [...readProfiles(folder, sinceMs)].filter(([pid]) => stages.get(pid) !== 'cluster');
  return new Map(trees.map(([pid, tree]) => [stages.get(pid) ?? String(pid), tree]));
}

type Measured = readonly Rounds<NoopRun>[];
type Profiles = ReadonlyMap<string, ReadonlyMap<string, CallTree>>;

/** Each at half of what it can do. */
async function profileAll(measured: Measured, bench: Bench): Promise<Profiles> {
  const profiles = new Map<string, Map<string, CallTree>>();
  for (const { contender, results } of measured.filter(({ failure }) => failure === undefined)) {
    bench.progress(`${contender.name}: profiling`);
    const rate = Math.max(100, spreadOf(results.map(({ goodputPerSecond }) => goodputPerSecond)).median / 2);
    profiles.set(contender.name, await profile(contender, rate, bench));
  }
  return profiles;
}

/** The rounds of one layout as medians with their spread. */
function flowOf({ contender, results, failure }: Measured[number]) {
  const steadyOf = (ratePerSecond: number, index: number) => {
    const at = results.map(({ steady }) => steady[index]!);
    const processes = Object.keys(at[0]?.cpuUsPerRequest ?? {});
    return {
      ratePerSecond,
      p50Ms: spreadOf(at.map(({ p50Ms }) => p50Ms)), p99Ms: spreadOf(at.map(({ p99Ms }) => p99Ms)),
      cpuUsPerRequest: Object.fromEntries(processes.map((name) => [name, spreadOf(at.map(({ cpuUsPerRequest }) => cpuUsPerRequest[name] ?? NaN))])),
    };
  };
  return {
    name: contender.name, failure, steady: RATES.map(steadyOf),
    throughputPerSecond: spreadOf(results.map(({ throughputPerSecond }) => throughputPerSecond)),
    goodputPerSecond: spreadOf(results.map(({ goodputPerSecond }) => goodputPerSecond)),
  };
}

type Flow = ReturnType<typeof flowOf>;

/** The functions and parts that take most of each stage's time. */
function hotSpots(profiles: Profiles) {
  return [...profiles].flatMap(([flow, stages]) => [...stages].map(([stage, tree]) => ({ flow, stage, parts: selfTimes(tree, 'part').slice(0, TOP), functions: selfTimes(tree, 'name').slice(0, TOP) })));
}

function rateTable(flows: readonly Flow[]): Table {
  return {
    head: ['', 'throughput /s', 'goodput /s', ...RATES.flatMap((rate) => [`p50 ms at ${number(rate)}/s`, `p99 ms at ${number(rate)}/s`])],
    rows: flows.map(({ name, failure, throughputPerSecond, goodputPerSecond, steady }) => [name, failure ?? spread(throughputPerSecond), failure === undefined ? spread(goodputPerSecond) : '', ...steady.flatMap(({ p50Ms, p99Ms }) => [spread(p50Ms), spread(p99Ms)])]),
  };
}

function cpuTable(flows: readonly Flow[]): Table {
  const none = { median: NaN, least: NaN, most: NaN };
  return {
    head: ['CPU µs per request', ...RATES.map((rate) => `at ${number(rate)}/s`)],
    rows: flows.flatMap(({ name, steady }) => Object.keys(steady[0]?.cpuUsPerRequest ?? {}).map((part) => [`${name}: ${part}`, ...steady.map(({ cpuUsPerRequest }) => spread(cpuUsPerRequest[part] ?? none))])),
  };
}

function hotTable({ flow, stage, parts, functions }: ReturnType<typeof hotSpots>[number]): Table {
  return {
    head: [`${flow}: ${stage}, by part`, 'self', 'by function', 'self'],
    rows: parts.map(({ name, share }, index) => [name, percent(share), functions[index]?.name ?? '', functions[index] === undefined ? '' : percent(functions[index].share)]),
  };
}

function flameGraphs(profiles: Profiles): NonNullable<Findings['files']> {
  return [...profiles].flatMap(([flow, stages]) => [...stages].map(([stage, tree]) => ({ name: `noop-${flow.replace(': ', '-')}-${stage}.svg`, svg: flameGraph(`${flow}: ${stage}, main thread`, tree) })));
}

async function run(bench: Bench): Promise<Findings> {
  const measured = await inRounds(bench, contenders(bench.folder), (contender) => one(contender, bench), ({ throughputPerSecond, goodputPerSecond, steady }) =>
    `${number(throughputPerSecond)}/s of a backlog, ${number(goodputPerSecond)}/s in time; ${steady.map(({ ratePerSecond, p50Ms }) => `p50 ${number(p50Ms)} ms at ${ratePerSecond}/s`).join(', ')}`);
  const profiles = await profileAll(measured, bench);
  const flows = measured.map(flowOf);
  const hot = hotSpots(profiles);
  return {
    data: { flows, hot },
    notes: [
      'Models that compute nothing (one ONNX node on one number) behind the requests, records and answers of `recommend`: what is left is what receiving, deciding, handing over and answering cost. ' +
      'CPU per request by process, broker included; profiles are of the main thread, idle time left out.',
    ],
    tables: [rateTable(flows), cpuTable(flows), ...hot.map(hotTable)],
    plots: [],
    files: flameGraphs(profiles),
  };
}

export const noop: Scenario = { name: 'noop', description: 'the flow without models: rate, latency, CPU by stage, profiles', run };
