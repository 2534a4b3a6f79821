import type { Command } from 'commander';
import { requireCredentials } from '@tandem/gateway';
import { settingNames, type SettingName, type Settings } from '@tandem/shared/config';
import { TandemError } from '@tandem/shared/errors';
import { startStatusServer } from '@tandem/shared/telemetry';
import { DEFAULT_GATEWAY_PORT, startGateway } from '../compose/gateway.ts';
import { learnLogTime } from '../compose/log-time.ts';
import { openPorts } from '../compose/ports.ts';
import { ensureTopology } from '../compose/topology.ts';
import { addSettingFlags, settingsOf } from '../setting-flags.ts';
import { untilSignal } from '../until-signal.ts';
import { addKeysCommand } from './gateway-keys.ts';

export const GATEWAY_SETTINGS: readonly SettingName[] = [
  'kafka', 'redis', 'prefix', 'partitions', 'replication', 'models', 'workloads', ...settingNames.filter((name) => name.startsWith('gateway')),
  'gatherMs', 'drainTimeoutMs', 'httpHost', 'httpPort', 'logLevel', 'instance', 'otlpEndpoint',
];

const EXAMPLES = `
Runs until SIGTERM or SIGINT; then it refuses new calls, finishes those on their way and exits with 0. Any number of gateways can run at once.
Outside of this machine it asks for credentials (docs/gateway.md).

Examples:
  tandem gateway --kafka 127.0.0.1:9092
  tandem gateway --kafka kafka:9092 --redis redis://redis:6379 --gateway-host 0.0.0.0 --gateway-keys-file keys.json
  tandem demo --events 0 --serve --gateway-port 8080        everything in one process, without a broker
  curl -s localhost:8080/v1/requests -H 'content-type: application/json' -d '{"workload":"recommend","input":{"history":["1","260"]}}'`;

function gatewaySettings(options: Record<string, unknown>): Settings {
  const settings = settingsOf(options);
  if (settings.kafka === undefined) {
    throw new TandemError('a gateway of its own needs a broker: --kafka host:port (without one: tandem demo --events 0 --serve --gateway-port 8080)', { code: 'usage' });
  }
  requireCredentials(settings);
  return { ...settings, gatewayPort: settings.gatewayPort ?? DEFAULT_GATEWAY_PORT };
}

async function runGateway(options: Record<string, unknown>): Promise<void> {
  const settings = gatewaySettings(options);
  const signal = untilSignal();
  const stopping = new AbortController();
  void signal.then(() => stopping.abort());
  await using ports = await openPorts(settings, 'gateway', { patience: stopping.signal });
  await ensureTopology(settings, ports);
  await learnLogTime(settings, ports);
  await using gateway = await startGateway(settings, ports);
  const status = await startStatusServer({ host: settings.httpHost, port: settings.httpPort, metrics: ports.metrics.registry, logger: ports.logger, state: () => (stopping.signal.aborted ? 'draining' : 'running') });
  ports.logger.info({ url: gateway.url, statusPort: status.port, log: ports.log.description, cache: ports.cache.description }, 'running');
  ports.logger.info({ reason: await signal }, 'draining');
  await gateway[Symbol.asyncDispose]();
  await status.close();
}

export function addGatewayCommand(program: Command): void {
  const command = program.command('gateway')
    .description('serve requests, interactions and models over HTTP, with a dashboard')
    .action(runGateway)
    .addHelpText('after', EXAMPLES);
  addSettingFlags(command, GATEWAY_SETTINGS);
  addKeysCommand(command);
}
