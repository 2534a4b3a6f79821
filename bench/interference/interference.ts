import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { STAGE_NAMES } from '@tandem/schemas';
import { flagName, loadSettings, settingNames, type Settings } from '@tandem/shared/config';
import { quantile, spreadOf } from '@tandem/shared/statistics';
import { openPorts } from '../../services/cli/compose/ports.ts';
import { System } from '../../services/cli/compose/system.ts';
import { ensureTopology } from '../../services/cli/compose/topology.ts';
import { startCommand } from '../../test/support/cluster.ts';
import { startKafkaBroker } from '../../test/support/kafka-broker.ts';
import { exitOnSignals, temporaryFolder } from '../../test/support/processes.ts';
import { heavyFlags } from '../scenarios/made/made-models.ts';
import { Load, type Collected } from './load.ts';

const HELP = `Measures what a backfill costs interactive requests, and what it gets.

  npm run bench:interference -- [--brokers HOST:PORT] [--embedded] [--rounds 4] [--seconds 10] [--task fine] [--heavy] [--chain none] [--stage-flags="…"] [--json FILE] [--help]

Measures the capacity, and what bulk alone gets done, then alternates: interactive requests at half of it alone, and the same beside as many bulk requests as the flow
takes (2,000 always outstanding). At last interactive requests at the whole capacity, beside bulk: how long does bulk wait? Stages run as
separate processes over a real Kafka, or all in this process over the embedded log (--embedded). With the shipped models the pipe takes most of the CPU; --heavy serves
one that takes a few milliseconds for each request instead, so that the model is what limits. --stage-flags="--bulk-threads 0" has bulk share the inference threads; with
--embedded they are settings only, as there are no processes to be counted.
`;

const BULK_OUTSTANDING = 2_000;
const SATURATING = 384;
const WARM_UP_SECONDS = 6;

const { values } = parseArgs({
  options: {
    brokers: { type: 'string' },
    embedded: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '4' },
    seconds: { type: 'string', default: '10' },
    task: { type: 'string', default: 'fine' },
    heavy: { type: 'boolean', default: false },
    chain: { type: 'string', default: 'none' },
    'stage-flags': { type: 'string', default: '' },
    json: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

interface Round {
  p50Ms: number;
  p99Ms: number;
  interactivePerSecond: number;
  bulkPerSecond: number;
  /** Of the machine's cores, broker and load generator included. */
  idleShare: number;
}

if (values.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  exitOnSignals();
  const broker = values.embedded || values.brokers !== undefined ? undefined : await startKafkaBroker({ runsLong: true });
  const kafka = values.brokers ?? broker?.address ?? '';
  const prefix = `bench-${randomUUID().slice(0, 8)}.`;
  const flags = stageFlags(prefix);
  const settings = values.embedded ? settingsFrom(flags) : loadSettings({ flags: { kafka, prefix, chain: values.chain, httpPort: '0', logLevel: 'warn' } });
  const ports = await openPorts(settings, 'bench');
  await ensureTopology(settings, ports);
  const flow = values.embedded
    ? await System.start(STAGE_NAMES, settings, ports)
    : startCommand(['cluster', '--kafka', kafka, ...flags]);
  const load = await Load.open(ports.log, prefix, values.task);
  try {
    const result = await measure(load, Number(values.rounds), Number(values.seconds));
    console.log(render(result));
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
  } finally {
    await load.close();
    await flow[Symbol.asyncDispose]();
    await ports[Symbol.asyncDispose]();
    await broker?.stop();
  }
}

function stageFlags(prefix: string): string[] {
  const heavy = values.heavy ? heavyFlags(temporaryFolder('tandem-interference-')) : [];
  return ['--prefix', prefix, '--http-port', '0', '--log-level', 'warn', '--chain', values.chain, ...heavy, ...values['stage-flags'].split(' ').filter(Boolean)];
}

/** As a stage would take them. @throws where one of them is no setting */
function settingsFrom(flags: readonly string[]): Settings {
  const { values: given } = parseArgs({ args: [...flags], options: Object.fromEntries(settingNames.map((name) => [flagName(name), { type: 'string' as const }])) });
  return loadSettings({ flags: Object.fromEntries(settingNames.map((name) => [name, given[flagName(name)]])) });
}

/** Runs loads beside each other, and takes what comes back after a time of warming up. */
async function during(load: Load, seconds: number, start: (signal: AbortSignal) => Promise<void>[]): Promise<Record<'interactive' | 'bulk', Collected> & { idleShare: number }> {
  const stop = new AbortController();
  const running = start(stop.signal);
  await delay(WARM_UP_SECONDS * 1_000);
  load.take();
  const before = coreTimes();
  await delay(seconds * 1_000);
  const after = coreTimes();
  const collected = { ...load.take(), idleShare: (after.idle - before.idle) / (after.all - before.all) };
  stop.abort();
  await Promise.all(running);
  await load.drained();
  return collected;
}

/** Of all cores since the machine's start, ms. */
function coreTimes(): { idle: number; all: number } {
  const times = cpus().map((core) => core.times);
  return { idle: times.reduce((sum, { idle }) => sum + idle, 0), all: times.reduce((sum, each) => sum + Object.values(each).reduce((one, other) => one + other, 0), 0) };
}

function round({ interactive, bulk, idleShare }: Awaited<ReturnType<typeof during>>, seconds: number): Round {
  return {
    idleShare,
    p50Ms: quantile(interactive.latenciesMs, 0.5),
    p99Ms: quantile(interactive.latenciesMs, 0.99),
    interactivePerSecond: interactive.latenciesMs.length / seconds,
    bulkPerSecond: bulk.latenciesMs.length / seconds,
  };
}

async function measure(load: Load, rounds: number, seconds: number) {
  await during(load, 2, (signal) => [load.flood('interactive', 64, signal)]);
  const full = await during(load, seconds, (signal) => [load.flood('interactive', SATURATING, signal)]);
  const capacityPerSecond = full.interactive.latenciesMs.length / seconds;
  const rate = capacityPerSecond / 2;
  const only = await during(load, seconds, (signal) => [load.flood('bulk', BULK_OUTSTANDING, signal)]);
  const bulkAlonePerSecond = only.bulk.latenciesMs.length / seconds;
  const [alone, beside]: [Round[], Round[]] = [[], []];
  const bulkBatches: Collected = { latenciesMs: [], batchMs: [], batchSizes: [] };
  for (let index = 0; index < rounds; index += 1) {
    alone.push(round(await during(load, seconds, (signal) => [load.atRate(rate, signal)]), seconds));
    const both = await during(load, seconds, (signal) => [load.atRate(rate, signal), load.flood('bulk', BULK_OUTSTANDING, signal)]);
    beside.push(round(both, seconds));
    for (const value of both.bulk.batchMs) bulkBatches.batchMs.push(value);
    for (const value of both.bulk.batchSizes) bulkBatches.batchSizes.push(value);
    console.error(`round ${index + 1}: alone ${line(alone.at(-1)!)}; beside ${line(beside.at(-1)!)}`);
  }
  const crowded = await during(load, seconds, (signal) => [load.atRate(capacityPerSecond, signal), load.flood('bulk', 50, signal)]);
  return {
    log: values.embedded ? 'embedded, one process' : `kafka, separate processes, chain ${values.chain}`,
    task: values.task,
    capacityPerSecond, interactivePerSecond: rate, idleShare: spreadOf(alone.map(({ idleShare }) => idleShare)), rounds: { alone, beside },
    ratios: { p50: ratios(alone, beside, 'p50Ms'), p99: ratios(alone, beside, 'p99Ms') },
    p99RiseMs: spreadOf(alone.map((each, index) => (beside[index]?.p99Ms ?? 0) - each.p99Ms)),
    bulkPerSecond: spreadOf(beside.map(({ bulkPerSecond }) => bulkPerSecond)),
    shareOfLeft: spreadOf(beside.map(({ bulkPerSecond }) => bulkPerSecond / (capacityPerSecond - rate))),
    bulkAlonePerSecond,
    shareOfIdle: spreadOf(beside.map(({ bulkPerSecond }, index) => bulkPerSecond / (alone[index]!.idleShare * bulkAlonePerSecond))),
    bulkBatch: { p50Ms: quantile(bulkBatches.batchMs, 0.5), p99Ms: quantile(bulkBatches.batchMs, 0.99), p50Size: quantile(bulkBatches.batchSizes, 0.5) },
    atFullLoad: {
      interactiveP99Ms: quantile(crowded.interactive.latenciesMs, 0.99),
      bulkPerSecond: crowded.bulk.latenciesMs.length / seconds,
      longestBulkWaitMs: crowded.bulk.latenciesMs.reduce((most, each) => Math.max(most, each), 0),
    },
    machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30), node: process.version, loadAverage: loadavg()[0] },
  };
}

function ratios(alone: readonly Round[], beside: readonly Round[], figure: 'p50Ms' | 'p99Ms') {
  return spreadOf(alone.map((each, index) => (beside[index]?.[figure] ?? Number.NaN) / each[figure]));
}

function line({ p50Ms, p99Ms, interactivePerSecond, bulkPerSecond }: Round): string {
  return `p50 ${p50Ms.toFixed(1)} p99 ${p99Ms.toFixed(1)} ms at ${interactivePerSecond.toFixed(0)}/s, bulk ${bulkPerSecond.toFixed(0)}/s`;
}

function render(result: Awaited<ReturnType<typeof measure>>): string {
  const { ratios: { p50, p99 }, shareOfLeft, shareOfIdle, bulkBatch, atFullLoad, machine } = result;
  const range = ({ median, least, most }: { median: number; least: number; most: number }, unit = '') => `${median.toFixed(2)}${unit} (${least.toFixed(2)} to ${most.toFixed(2)})`;
  return [
    `${result.log}, task ${result.task}; capacity ${result.capacityPerSecond.toFixed(0)}/s, interactive at ${result.interactivePerSecond.toFixed(0)}/s`,
    `  p50 beside ÷ alone   ${range(p50)}`,
    `  p99 beside ÷ alone   ${range(p99)}; rise ${range(result.p99RiseMs, ' ms')}`,
    `  one bulk batch       p50 ${bulkBatch.p50Ms.toFixed(1)} ms, p99 ${bulkBatch.p99Ms.toFixed(1)} ms, of ${bulkBatch.p50Size}`,
    `  bulk                 ${range(result.bulkPerSecond, '/s')}, of what is left ${range(shareOfLeft)}`,
    `  alone bulk gets      ${result.bulkAlonePerSecond.toFixed(0)}/s; of the cores' time ${range(result.idleShare)} was idle beside interactive requests; of what bulk would get done in that ${range(shareOfIdle)}`,
    `  at full load         interactive p99 ${atFullLoad.interactiveP99Ms.toFixed(0)} ms; bulk ${atFullLoad.bulkPerSecond.toFixed(1)}/s, longest wait ${(atFullLoad.longestBulkWaitMs / 1_000).toFixed(1)} s`,
    `  ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Node ${machine.node}, load average ${machine.loadAverage?.toFixed(1)}`,
  ].join('\n');
}
