import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_PARTITIONS, DEFAULT_PREFIX, idSchema } from '@tandem/schemas';
import { parse as parseYaml, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { TandemError, messageOf } from '../errors/index.ts';
import { nearest, wantedBy } from './complaint.ts';
import { redact } from '../telemetry/index.ts';
import { batchingSettings } from './batching-settings.ts';
import { decodingSettings } from './decoding-settings.ts';
import { list, number, onOrOff } from './fields.ts';
import { flagName } from './flag-name.ts';
import { gatewaySettings } from './gateway-settings.ts';
import { policySettings } from './policy-settings.ts';
import { separateCredentials } from './redis-address.ts';
import { scalingSettings } from './scaling-settings.ts';
import { securityProblems } from './security-checks.ts';
import { securitySettings } from './security-settings.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..');

const HOST_AND_PORT = /^(?:[^\s:[\]]+|\[[0-9a-fA-F:]+\]):\d{1,5}$/;
const PROVIDER = /^[a-z0-9]+(:\w+=[^:]+)*$/;
const optionalText = z.string().min(1).optional();

/**
 * Every setting of every stage, once. A flag wins over the environment (TANDEM_ + the name in capitals, as
 * TANDEM_HTTP_PORT for httpPort), which wins over the file that --config names, which wins over the default.
 */
export const settingsSchema = z.strictObject({
  kafka: list.pipe(z.array(z.string().regex(HOST_AND_PORT, 'must be host:port'))).optional().describe('Kafka bootstrap servers, host:port[,host:port]; without it the embedded log of one process'),
  redis: z.url({ protocol: /^rediss?$/, error: 'must be redis://host:port or rediss://host:port' }).optional().meta({ description: 'Redis, redis://[user:password@]host:port[/db], rediss:// for TLS; without it an in-process cache', secret: 'hidden' }),
  ...securitySettings,
  prefix: z.string().regex(/^[a-zA-Z0-9._-]{0,100}$/).default(DEFAULT_PREFIX).describe('of topics, consumer groups and Redis keys'),
  partitions: number(z.number().int().min(1).max(1_000)).default(DEFAULT_PARTITIONS).describe('of every topic of the flow'),
  replication: number(z.number().int().min(1).max(7)).optional().describe('of topics that are created; default: brokers, at most 3'),
  models: z.string().default(join(REPOSITORY, 'models')).describe('folder with registry.json and the ONNX files; default: the shipped one'),
  workloads: z.string().default(join(REPOSITORY, 'workloads')).describe('folder with workload files; default: the shipped one'),
  ...policySettings,
  variants: list.optional().describe('model.precision[@version][,…] that this worker serves; a version that is named stays, whatever is released; default: fp32 and int8 of all stable models'),
  chain: z.string().default('none').describe('stages of one process that hand on in memory: none, edge (all but the workers), all, or stages joined by +'),
  pool: idSchema.optional().describe('of this worker'),
  threads: number(z.number().int().min(1).max(256)).optional().describe('inference threads; default: cores'),
  bulkThreads: number(z.number().int().min(0).max(128)).optional()
    .describe('more inference threads, for bulk alone, at the lowest priority; 0: bulk shares the others; default: as many as threads, where memoryBudgetMb has room for their sessions'),
  intraOpThreads: number(z.number().int().min(1).max(256)).default(1).describe('threads inside one inference'),
  intraOpSpinning: onOrOff.default(true).describe('on or off: threads inside one inference spin while they wait'),
  graphOptimization: z.enum(['disabled', 'basic', 'extended', 'layout', 'all']).default('all').describe('what ONNX Runtime rewrites graphs into'),
  providers: list.pipe(z.array(z.string().regex(PROVIDER, 'must be name[:option=value]…, as cpu or cuda:deviceId=0'))).default(['cpu'])
    .describe('execution providers in order of preference, name[:option=value][,…]; cpu is always the last'),
  prefixCacheMb: number(z.number().min(0)).default(256).describe('memory for cached prefixes of users, over all variants that keep them; 0: none'),
  prefixIdleMs: number(z.number().int().min(1_000).max(86_400_000)).default(600_000).describe('a user’s prefix that nobody used for so long is given up'),
  memoryBudgetMb: number(z.number().positive()).optional().describe('for model files times threads; default: half of the memory, of the container’s where it is limited'),
  overcommit: onOrOff.default(false).describe('on or off: more variants than memoryBudgetMb has room for; the least recently used one gives way'),
  sleepAfterMs: number(z.number().int().min(0).max(86_400_000)).default(0).describe('a variant that nobody used for so long is unloaded until somebody does; 0: never'),
  runTimeoutMs: number(z.number().int().min(100).max(86_400_000)).default(30_000).describe('a batch without a result for so long hangs: its inference thread is replaced'),
  quickProfile: onOrOff.default(true).describe('on or off: a worker without a profile of this hardware measures its variants for a moment when it starts'),
  prometheus: z.url({ protocol: /^https?$/ }).optional().describe('Prometheus server that knows the GPU (DCGM exporter), http://host:port; without it nvidia-smi is asked'),
  prometheusSelector: z.string().max(1_000).default('').describe('labels of this machine’s GPU there, as instance="gpu-1:9400",gpu="0"'),
  ...batchingSettings,
  ...decodingSettings,
  ...scalingSettings,
  resultCacheMb: number(z.number().min(0).max(65_536)).default(64).describe('of a worker’s memory for results of workloads that say how fresh they have to be'),
  precomputePerSecond: number(z.number().min(0).max(10_000)).default(20).describe('at most so many likely requests, over all classifiers, are computed ahead in idle time, of workloads that say precompute; 0: none'),
  precomputeMaxCpuUse: number(z.number().min(0).max(1)).default(0.7).describe('no time is idle while a worker’s machine uses more of its CPU than this, 0 to 1'),
  featureWaitMs: number(z.number().min(0).max(60_000)).default(250).describe('how long asOfInteractions may wait'),
  gatherMs: number(z.number().int().min(0).max(100)).default(0).describe('under load, how long sends and fetches wait for company'),
  sessionTimeoutMs: number(z.number().int().min(1_500).max(300_000)).default(10_000).describe('a process that Kafka does not hear of for so long is dead: others take over its partitions'),
  commitIntervalMs: number(z.number().min(10).max(60_000)).default(500).describe('between offset commits'),
  delivery: z.enum(['at-least-once', 'exactly-once']).default('at-least-once').describe('of responses; exactly-once: to consumers that read committed records'),
  transactionIntervalMs: number(z.number().min(0).max(10_000)).default(50).describe('exactly-once: between a partition’s transactions; longer is cheaper for the broker, and later'),
  answeredWindowMs: number(z.number().min(1_000).max(172_800_000)).default(600_000).describe('so long a repeated request id gets no second answer; redeliveries never do'),
  drainTimeoutMs: number(z.number().min(0).max(600_000)).default(10_000).describe('how long a stop waits for records in flight'),
  httpHost: z.string().default('127.0.0.1').describe('of /healthz, /readyz and /metrics'),
  httpPort: number(z.number().int().min(0).max(65_535)).default(9464).describe('0: a free one'),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info').describe('of the log on standard error'),
  instance: z.string().min(1).max(200).default(nameOfNobodysChoice).describe('name of this process in telemetry; default: host name and process id. One that is given, which no other process may have, lets it take its partitions back at once when it is started again'),
  ...gatewaySettings,
  otlpEndpoint: optionalText.meta({ description: 'OTLP collector for traces; also OTEL_EXPORTER_OTLP_ENDPOINT', secret: 'hidden' }),
});

function nameOfNobodysChoice(): string {
  return `${hostname()}-${process.pid}`;
}

/** Whether somebody chose the name that the process has, which no other then has; host name and process id may be two containers'. */
export function hasChosenName({ instance }: Pick<Settings, 'instance'>): boolean {
  return instance !== nameOfNobodysChoice();
}

/** All settings with their defaults filled in. */
export type Settings = z.infer<typeof settingsSchema>;
/** A setting as it is called in files and code: `gatewayPort`. */
export type SettingName = keyof Settings;

/** Where settings come from; flags win over the environment, and that over the file. */
export interface SettingsSources {
  /** From the command line; undefined values are as if absent. */
  flags?: Record<string, unknown>;
  environment?: Record<string, string | undefined>;
  /** YAML or JSON. */
  file?: string | undefined;
}

/** Every setting there is. */
export const settingNames = Object.keys(settingsSchema.shape) as SettingName[];

/**
 * environment: the value is a secret and is taken from the environment or a file, never from the command line. hidden: the
 * value may have a secret in it; it is not shown, and not passed on to other processes by their command lines.
 */
export type Secrecy = 'environment' | 'hidden';

/** Whether a setting’s value is a secret; undefined: anybody may see it. */
export function secrecyOf(name: SettingName): Secrecy | undefined {
  return settingsSchema.shape[name].meta()?.['secret'] as Secrecy | undefined;
}

/** For example TANDEM_GATEWAY_PORT for `gatewayPort`. */
export function environmentName(setting: string): string {
  return `TANDEM_${setting.replace(/[A-Z]/g, (capital) => `_${capital}`).toUpperCase()}`;
}

function fromEnvironment(environment: Record<string, string | undefined>): Record<string, unknown> {
  const entries = settingNames.flatMap((name) => {
    const value = environment[environmentName(name)];
    return value === undefined || value === '' ? [] : [[name, value] as const];
  });
  const endpoint = environment['OTEL_EXPORTER_OTLP_ENDPOINT'];
  return { ...(endpoint ? { otlpEndpoint: endpoint } : {}), ...Object.fromEntries(entries) };
}

function fromFile(file: string | undefined): Record<string, unknown> {
  if (file === undefined) return {};
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
    // Pretty errors quote the line that is wrong, which may hold a password.
    return z.record(z.string(), z.unknown()).parse(parseYaml(text, { prettyErrors: false }) ?? {});
  } catch (error) {
    const where = error instanceof YAMLParseError ? ` in line ${text.slice(0, error.pos[0]).split('\n').length}` : '';
    throw new TandemError(`cannot read settings from ${file} (${messageOf(error)}${where}): a YAML or JSON file with settings by name is expected`, { code: 'settings_file' });
  }
}

function present(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function unknown(name: string): string {
  const meant = nearest(name, settingNames);
  return `unknown setting ${name}; ${meant === undefined ? `known are ${settingNames.join(', ')}` : `is ${meant} meant?`}`;
}

function complaint(issue: z.core.$ZodIssue, values: Record<string, unknown>): string {
  if (issue.code === 'unrecognized_keys') return issue.keys.map(unknown).join('\n');
  const name = String(issue.path[0]) as SettingName;
  if (secrecyOf(name) === 'environment') return `${name} = (hidden): ${wantedBy(issue)} (environment ${environmentName(name)})`;
  const shown = secrecyOf(name) === 'hidden' ? '(hidden)' : redact(JSON.stringify(values[name]));
  return `${name} = ${shown}: ${wantedBy(issue)} (flag --${flagName(name)}, environment ${environmentName(name)})`;
}

/**
 * A password inside the address of Redis is taken out of it, into `redisUsername` and `redisPassword`.
 * @throws {TandemError} `settings_invalid`: names each setting, its value (a secret's is hidden) and what would be valid
 */
export function loadSettings({ flags = {}, environment = {}, file }: SettingsSources): Settings {
  const values = { ...fromFile(file), ...fromEnvironment(environment), ...present(flags) };
  const parsed = settingsSchema.safeParse(values);
  if (!parsed.success) throw invalid(parsed.error.issues.map((issue) => complaint(issue, values)));
  const problems = securityProblems(parsed.data);
  if (problems.length > 0) throw invalid(problems);
  return separateCredentials(parsed.data);
}

function invalid(problems: readonly string[]): TandemError {
  return new TandemError(problems.join('\n'), { code: 'settings_invalid' });
}
