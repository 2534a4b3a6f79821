import { Option, type Command } from 'commander';
import { environmentName, flagName, loadSettings, secrecyOf, settingNames, settingsSchema, type SettingName, type Settings } from '@tandem/shared/config';

/** What `--help` shows as the value. */
const PLACEHOLDERS: Partial<Record<SettingName, string>> = {
  kafka: 'host:port', redis: 'url', prefix: 'text', models: 'folder', workloads: 'folder', policy: 'name', precision: 'name', chain: 'stages',
  variants: 'list', pool: 'name', providers: 'list', intraOpSpinning: 'on|off', overcommit: 'on|off', quickProfile: 'on|off', prometheus: 'url', prometheusSelector: 'labels', graphOptimization: 'level', httpHost: 'host', logLevel: 'level', instance: 'name', otlpEndpoint: 'url',
  preferredBatchSizes: 'list', whenFull: 'action', tierWeights: 'list', tenantWeights: 'list', tierTimeouts: 'list', workloadQuotas: 'list', tenantQuotas: 'list',
  kafkaTls: 'on|off', kafkaCa: 'file', kafkaCert: 'file', kafkaKey: 'file', kafkaSasl: 'mechanism', kafkaUsername: 'name', kafkaPasswordFile: 'file',
  kafkaOauthModule: 'file', gatewayHost: 'host', gatewayAuth: 'auto|on|off', gatewayKeysFile: 'file', gatewayJwksUrl: 'url', gatewayJwtIssuer: 'text',
  gatewayJwtAudience: 'text', gatewayRates: 'list', gatewayRateStore: 'where', redisCa: 'file', redisCert: 'file', redisKey: 'file', redisUsername: 'name', redisPasswordFile: 'file',
  delivery: 'at-least-once|exactly-once', generateCache: 'fp32|fp16|int8', learningState: 'file', learningEvaluation: 'file',
};

/** Defaults that are computed are described in words by the setting itself. */
const COMPUTED: ReadonlySet<SettingName> = new Set(['instance', 'models', 'workloads', 'tierWeights', 'tenantWeights', 'tierTimeouts', 'workloadQuotas', 'tenantQuotas', 'gatewayRates']);

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function explain(name: SettingName): string {
  const schema = settingsSchema.shape[name];
  const unset = COMPUTED.has(name) ? undefined : schema.safeParse(undefined).data;
  const fallback = unset === undefined || unset === '' ? '' : ` (default: ${shown(unset)})`;
  return `${schema.description ?? ''}${fallback} [${environmentName(name)}]`;
}

/** Whoever can name a broker or a Redis can say how to reach it safely. Secrets have no flag. */
function withConnections(names: readonly SettingName[]): SettingName[] {
  const belongs = (name: SettingName, server: 'kafka' | 'redis') => names.includes(server) && name.startsWith(server);
  const all = settingNames.filter((name) => names.includes(name) || belongs(name, 'kafka') || belongs(name, 'redis'));
  return all.filter((name) => secrecyOf(name) !== 'environment');
}

/** Adds a flag for each setting, and with `kafka` and `redis` those of their security; the help text is the schema's. */
export function addSettingFlags(command: Command, names: readonly SettingName[]): Command {
  for (const name of withConnections(names)) {
    command.addOption(new Option(`--${flagName(name)} <${PLACEHOLDERS[name] ?? 'n'}>`, explain(name)));
  }
  return command.option('--config <file>', 'YAML or JSON file with settings by name [TANDEM_CONFIG]');
}

/** Flags that are not settings are the command's own and are left out. */
export function settingsOf(options: Record<string, unknown>, over: Record<string, unknown> = {}): Settings {
  const flags = Object.fromEntries(Object.entries(options).filter(([name]) => name in settingsSchema.shape));
  const file = (options['config'] as string | undefined) ?? process.env['TANDEM_CONFIG'];
  return loadSettings({ flags: { ...over, ...flags }, environment: process.env, file });
}
