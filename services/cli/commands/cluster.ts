import { randomBytes } from 'node:crypto';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { STAGE_NAMES } from '@tandem/schemas';
import { environmentName, flagName, secrecyOf, settingNames, settingsSchema, type SettingName, type Settings } from '@tandem/shared/config';
import { TandemError } from '@tandem/shared/errors';
import type { StageName } from '@tandem/shared/runner';
import { createLogger } from '@tandem/shared/telemetry';
import { parseChain } from '../compose/chaining.ts';
import { ProcessGroup, type ProcessSpec } from '../compose/process-group.ts';
import { openPorts } from '../compose/ports.ts';
import { WorkerSupervisor, type SupervisorOptions } from '../compose/supervisor.ts';
import { ensureTopology } from '../compose/topology.ts';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';
import { GATEWAY_SETTINGS } from './gateway.ts';
import { untilSignal } from '../until-signal.ts';

const EXAMPLES = `
A process that dies is started again. Status ports (/healthz, /readyz, /metrics) count up from --http-port: a chain first, then fusion,
workers, schedulers, classifiers, the gateway, and workers that --autoscale adds; each process logs its own.

Examples:
  tandem cluster --kafka 127.0.0.1:9092 --redis redis://127.0.0.1:6379 --workers 2
  tandem cluster --kafka 127.0.0.1:9092 --chain edge --workers 2    all but the workers in one process, handing on in memory
  tandem cluster --kafka 127.0.0.1:9092 --gateway-port 8080       with HTTP on port 8080 (tandem gateway --help)
  tandem cluster --kafka 127.0.0.1:9092 --policy fixed --precision int8
  tandem cluster --kafka 127.0.0.1:9092 --autoscale 1..4          as many workers as the load wants (docs/scaling.md)`;

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 256) throw new InvalidArgumentError('a number of processes, 0 to 256');
  return value;
}

/** As few and as many workers as there may be. */
interface Bounds {
  min: number;
  max: number;
}

function bounds(text: string): Bounds {
  const [, min, max] = /^(\d{1,3})\.\.(\d{1,3})$/.exec(text) ?? [];
  if (min === undefined || max === undefined || Number(max) < 1 || Number(max) > 256 || Number(min) > Number(max)) {
    throw new InvalidArgumentError('the least and the most workers, as 1..4 or 0..4.');
  }
  return { min: Number(min), max: Number(max) };
}

const plural = (stage: StageName) => `${stage}s`;

/** Settings that were given, as flags for the children; file and environment they read themselves. */
function passedOn(options: Record<string, unknown>, of: (name: SettingName) => boolean): string[] {
  const names = ['config', ...settingNames.filter((name) => name !== 'httpPort' && name !== 'chain' && name !== 'instance' && secrecyOf(name) === undefined && of(name))];
  return names.flatMap((name) => {
    const value = options[name];
    return typeof value === 'string' ? [`--${flagName(name)}`, value] : [];
  });
}

/** Settings that were given and may hold a password, as variables for the children: their command lines are for all to see. */
function passedOnUnseen(options: Record<string, unknown>): Record<string, string> {
  const hidden = settingNames.filter((name) => secrecyOf(name) !== undefined);
  return Object.fromEntries(hidden.flatMap((name) => (typeof options[name] === 'string' ? [[environmentName(name), options[name]]] : [])));
}

function gatewayFlags(options: Record<string, unknown>): string[] {
  return passedOn(options, (name) => GATEWAY_SETTINGS.includes(name));
}

const LONGEST_NAME = 160;

/**
 * Begins the names of all processes of this cluster, now and when they are started again, and of no other's: who starts under a name takes
 * its partitions from whoever had it.
 */
function nameOfCluster({ instance }: Settings): string {
  return `${instance.slice(0, LONGEST_NAME)}-${randomBytes(3).toString('hex')}`;
}

function processes(options: Record<string, unknown>, chain: readonly StageName[], { httpPort: firstPort, gatewayPort }: Settings, cluster: string): ProcessSpec[] {
  const withGateway = gatewayPort !== undefined;
  const flags = passedOn(options, (name) => !name.startsWith('gateway'));
  const environment = passedOnUnseen(options);
  const chained = chain.length === 0 ? [] : [{ stage: chain.join('+'), count: Number(options['chains']) }];
  const scaled = options['autoscale'] !== undefined;
  const alone = STAGE_NAMES.toReversed().filter((stage) => !chain.includes(stage)).map((stage) => ({ stage, count: scaled && stage === 'worker' ? 0 : Number(options[plural(stage)]) }));
  const names = [...chained, ...alone].flatMap(({ stage, count: length }) => Array.from({ length }, (_, index) => ({ stage, name: `${stage}-${index + 1}` })));
  const portOf = (index: number) => String(firstPort === 0 ? 0 : firstPort + index);
  const named = (name: string) => ({ name, instance: `${cluster}-${name}` });
  const stages = names.map(({ stage, name }, index) => ({ ...named(name), args: ['stage', stage, ...flags, '--http-port', portOf(index)], environment }));
  return withGateway ? [...stages, { ...named('gateway'), args: ['gateway', ...gatewayFlags(options), '--http-port', portOf(names.length)], environment }] : stages;
}

/** Of a worker that comes with the load; its port is behind those of all that run always. */
function workerSpec(options: Record<string, unknown>, { httpPort }: Settings, always: number, cluster: string): SupervisorOptions['specOf'] {
  const flags = passedOn(options, (name) => !name.startsWith('gateway'));
  const environment = passedOnUnseen(options);
  const portOf = (slot: number) => String(httpPort === 0 ? 0 : httpPort + always + slot);
  return (slot, ordinal) => ({ name: `worker-${slot + 1}`, instance: `${cluster}-worker-${ordinal}`, args: ['stage', 'worker', ...flags, '--http-port', portOf(slot)], environment });
}

/** @throws {TandemError} `usage` */
function requireScalable({ max }: Bounds, chain: readonly StageName[], { partitions }: Settings): void {
  if (chain.includes('worker')) throw new TandemError('--autoscale adds and removes processes of workers: leave them out of --chain (edge chains all the others)', { code: 'usage' });
  if (max > partitions) throw new TandemError(`--autoscale up to ${max}: with ${partitions} partitions more than ${partitions} workers would stand idle (--partitions says how many topics have)`, { code: 'usage' });
}

async function runScaled(settings: Settings, specs: readonly ProcessSpec[], limits: Bounds, specOf: SupervisorOptions['specOf']): Promise<void> {
  await using ports = await openPorts(settings, 'cluster');
  await ensureTopology(settings, ports);
  const { logger } = ports;
  const group: ProcessGroup = new ProcessGroup(specs, { logger, stopTimeoutMs: settings.drainTimeoutMs + 5_000, onLaunched: (name) => supervisor.launched(name) });
  const supervisor = new WorkerSupervisor({ settings, ports, group, bounds: limits, specOf });
  group.start();
  await supervisor.start();
  await untilSignal();
  await supervisor.stop();
  await group.stop();
}

/** What would stop every process alike is said once, before any is started. */
async function preflight(settings: Settings): Promise<void> {
  await using ports = await openPorts(settings, 'cluster');
  await ensureTopology(settings, ports);
}

async function runCluster(options: Record<string, unknown>): Promise<void> {
  const settings = settingsOf(options);
  if (settings.kafka === undefined) throw new TandemError('separate processes need a broker: --kafka host:port', { code: 'usage' });
  const chain = parseChain(settings.chain);
  if (settings.redis === undefined && Number(options[chain.includes('classifier') ? 'chains' : plural('classifier')]) > 1) {
    throw new TandemError('several classifiers need one cache to know a repeated request: --redis redis://host:port', { code: 'usage' });
  }
  const cluster = nameOfCluster(settings);
  const specs = processes(options, chain, settings, cluster);
  const limits = options['autoscale'] as Bounds | undefined;
  if (limits !== undefined) {
    requireScalable(limits, chain, settings);
    return runScaled(settings, specs, limits, workerSpec(options, settings, specs.length, cluster));
  }
  await preflight(settings);
  const logger = createLogger({ level: settings.logLevel, fields: { service: 'cluster' } });
  const group = new ProcessGroup(specs, { logger, stopTimeoutMs: settings.drainTimeoutMs + 5_000 });
  group.start();
  await untilSignal();
  await group.stop();
}

export function addClusterCommand(program: Command): void {
  const command = program.command('cluster').description('run all stages as separate processes').action(runCluster).addHelpText('after', EXAMPLES);
  command.option('--chains <n>', 'processes of the chain that --chain names', count, 1);
  command.addOption(new Option('--autoscale <min..max>', 'as many workers as the load wants, instead of --workers (docs/scaling.md)').argParser(bounds).conflicts('workers'));
  for (const stage of STAGE_NAMES) command.option(`--${plural(stage)} <n>`, `processes of the ${stage}`, count, 1);
  addSettingFlags(command, settingNames.filter((name) => name in settingsSchema.shape && name !== 'instance'));
}
