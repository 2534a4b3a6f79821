import { randomUUID } from 'node:crypto';
import { STAGE_NAMES } from '@tandem/schemas';
import { Gateway } from '@tandem/gateway';
import { loadSettings, type Settings } from '@tandem/shared/config';
import type { StageName } from '@tandem/shared/runner';
import { openPorts, type Ports } from '../../services/cli/compose/ports.ts';
import { System } from '../../services/cli/compose/system.ts';
import { ensureTopology } from '../../services/cli/compose/topology.ts';

export interface RunningGateway extends AsyncDisposable {
  settings: Settings;
  ports: Ports;
  gateway: Gateway;
  /** One more, on the same log and cache. */
  another(flags?: Record<string, unknown>): Promise<Gateway>;
}

export interface RunningGatewayOptions {
  /** @default all */
  stages?: readonly StageName[];
}

/** A gateway without the dashboard and, in the same process, the stages, under a prefix of their own. */
export async function startGatewayAndStages(flags: Record<string, unknown> = {}, { stages = STAGE_NAMES }: RunningGatewayOptions = {}): Promise<RunningGateway> {
  const prefix = `test-${randomUUID().slice(0, 8)}.`;
  const settings = loadSettings({ flags: { prefix, httpPort: '0', logLevel: 'error', gatewayPort: '0', drainTimeoutMs: '5000', ...flags } });
  const ports = await openPorts(settings, 'test');
  await ensureTopology(settings, ports);
  const system = stages.length === 0 ? undefined : await System.start(stages, settings, ports);
  const gateways: Gateway[] = [];
  const another = async (more: Record<string, unknown> = {}) => {
    const own = { ...settings, ...loadSettings({ flags: { ...flags, ...more, prefix } }), gatewayPort: 0, prefix, logLevel: settings.logLevel };
    const gateway = await Gateway.start({ settings: own, ports }, []);
    gateways.push(gateway);
    return gateway;
  };
  return {
    settings, ports, another,
    gateway: await another(),
    async [Symbol.asyncDispose]() {
      for (const gateway of gateways) await gateway[Symbol.asyncDispose]();
      await system?.[Symbol.asyncDispose]();
      await ports[Symbol.asyncDispose]();
    },
  };
}
