import { setTimeout as pause } from 'node:timers/promises';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Gateway } from '@tandem/gateway';
import { STAGE_NAMES } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import { startGateway, startLocalGateway } from '../compose/gateway.ts';
import { openPorts, type Ports } from '../compose/ports.ts';
import { startExperiment } from '../compose/start-experiment.ts';
import { System } from '../compose/system.ts';
import { ensureTopology } from '../compose/topology.ts';
import { prepareDemo, recommendWorkload, runDemo, type DemoOptions, type DemoTerminal, type PreparedDemo } from '../demo/index.ts';
import { readExperimentFile, readExperiments, reportText } from '../experiments/index.ts';
import { expectBroker } from '../broker-listens.ts';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';
import { untilSignal } from '../until-signal.ts';

const EXAMPLES = `
Starts all stages in this process. Without --kafka the log is embedded: nothing to install, and gone with the process.
docs/replay.md says what is sent and what the figures mean.

Examples:
  tandem demo                                                  about a minute
  tandem demo --events 50000 --rate max
  tandem demo --kafka 127.0.0.1:9092 --redis redis://127.0.0.1:6379
  tandem demo --chain all                                      stages hand on in memory instead of through topics
  tandem demo --policy fixed --precision fp32 --json
  tandem demo --kafka 127.0.0.1:9092 --events 0 --serve        for your own producers
  tandem demo --experiment docs/examples/experiment.json       10 % of the users on INT8, with a shadow (docs/experiments.md)
  tandem demo --events 0 --serve --gateway-port 8080           over HTTP, without a broker (docs/gateway.md)`;

const EVENTS = 12_000;
const RATE = 250;
const SETTINGS = [
  'kafka', 'redis', 'prefix', 'partitions', 'replication', 'models', 'workloads', 'policy', 'precision', 'chain', 'variants', 'threads', 'bulkThreads',
  'intraOpThreads', 'maxBatchSize', 'maxQueueDelayMs', 'delivery', 'transactionIntervalMs', 'httpHost', 'httpPort', 'logLevel', 'gatewayPort', 'gatewayHost', 'gatewayAuth', 'gatewayKeysFile', 'gatewayInferenceThreads',
] as const;

interface DemoFlags extends Record<string, unknown>, DemoOptions {
  serve: boolean;
  dashboard: boolean;
  experiment?: string;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('a whole number, 0 or more, is expected.');
  return value;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('a number above 0 is expected.');
  return value;
}

function rate(text: string): number | 'max' {
  return text === 'max' ? 'max' : positiveNumber(text);
}

function name(text: string): string {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(text)) throw new InvalidArgumentError('letters, digits and hyphens, at most 64, are expected.');
  return text;
}

const terminal = (): DemoTerminal => ({ stdout: process.stdout, stderr: process.stderr, environment: process.env });

/** What suits a demo better than a service: quiet, and no fixed port while nothing is served. */
function demoDefaults({ serve }: DemoFlags): Record<string, unknown> {
  const unlessSet = (variable: string, setting: Record<string, unknown>) => (process.env[variable] === undefined ? setting : {});
  return { ...unlessSet('TANDEM_LOG_LEVEL', { logLevel: 'warn' }), ...(serve ? {} : unlessSet('TANDEM_HTTP_PORT', { httpPort: 0 })) };
}

/** Undefined: nothing is to be replayed, or a signal came first. */
async function prepare(flags: DemoFlags, signal: AbortSignal): Promise<PreparedDemo | undefined> {
  if (flags.events === 0) return undefined;
  return prepareDemo(flags, terminal(), signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
    return undefined;
  });
}

/** Where nobody asked for one, and a person looks on, it serves this machine only. */
async function openGateway({ dashboard, json }: DemoFlags, settings: Settings, ports: Ports, prepared: PreparedDemo | undefined): Promise<Gateway | undefined> {
  if (settings.gatewayPort !== undefined) return startGateway(settings, ports, prepared?.titles);
  return dashboard && !json ? startLocalGateway(settings, ports, prepared?.titles) : undefined;
}

async function demo(flags: DemoFlags): Promise<void> {
  const settings = settingsOf(flags, demoDefaults(flags));
  const stopped = new AbortController();
  const signalled = untilSignal().then(() => stopped.abort());
  const experiment = flags.experiment === undefined ? undefined : await readExperimentFile(flags.experiment);
  if (settings.kafka !== undefined) await expectBroker(settings.kafka);
  await using ports = await openPorts(settings, 'demo');
  if (flags.events > 0) recommendWorkload(ports);
  const prepared = await prepare(flags, stopped.signal);
  if (stopped.signal.aborted) {
    process.exitCode = 1;
    return;
  }
  await ensureTopology(settings, ports);
  await using system = await System.start(STAGE_NAMES, settings, ports);
  if (experiment !== undefined) await beginExperiment(experiment, settings, ports);
  await using gateway = await openGateway(flags, settings, ports, prepared);
  if (gateway !== undefined) process.stderr.write(`Dashboard: ${gateway.url}/${flags.serve ? '' : ' (while this runs; --serve keeps it up)'}\n`);
  const flow = { log: ports.log, prefix: settings.prefix, workloads: ports.workloads };
  if (prepared !== undefined) process.exitCode = await runDemo(prepared, flags, flow, terminal(), stopped.signal);
  if (experiment !== undefined && !flags.json) await showExperiments(settings, ports);
  if (!flags.serve || stopped.signal.aborted) return;
  process.stderr.write(`Serving over ${ports.log.description}, topics ${settings.prefix}*; status at http://${settings.httpHost}:${system.statusPort}/readyz. Ctrl-C ends.\n`);
  if (!ports.log.durable) process.stderr.write('The embedded log is inside this process: producers outside need --kafka.\n');
  await signalled;
}

/** The stages follow it before the first request comes. */
async function beginExperiment(text: string, { prefix, models }: Settings, ports: Ports): Promise<void> {
  const options = { prefix, models, workloads: ports.workloads, others: ports.experiments.all, producer: ports.producer, actor: 'demo', now: Math.round(ports.clock.now()) };
  const { definition: { name }, revision } = await startExperiment(text, options);
  while ((ports.experiments.named(name)?.revision ?? 0) < revision) await pause(10);
}

async function showExperiments({ prefix }: Settings, { log }: Ports): Promise<void> {
  const { summaries } = await readExperiments(log, prefix);
  for (const summary of summaries) process.stdout.write(`\n${reportText(summary)}\n`);
}

export function addDemoCommand(program: Command): void {
  const command = program.command('demo')
    .description('replay real users’ events through the whole flow and judge the answers')
    .option('--events <n>', 'how many to replay; 0: none', wholeNumber, EVENTS)
    .option('--rate <n|max>', 'requests per second; max: as fast as answers come', rate, RATE)
    .option('--seed <n>', 'of users, order, arrivals and lots', wholeNumber, 1)
    .option('--deadline-ms <n>', 'on every request; default: the workload’s', positiveNumber)
    .option('--experiment <file>', 'start this experiment, and report on it at the end (docs/experiments.md)')
    .option('--serve', 'stay up afterwards, until Ctrl-C', false)
    .option('--no-dashboard', 'nothing is served over HTTP, unless --gateway-port says so')
    .option('--json', 'the summary as one JSON object on standard output', false)
    .addOption(new Option('--run <name>', 'in every user and request id; default: random').argParser(name))
    .action(demo)
    .addHelpText('after', EXAMPLES);
  addSettingFlags(command, SETTINGS);
}
