import type { Variant, Workload } from '@tandem/schemas';
import type { Cache } from '@tandem/shared/cache';
import type { Clock } from '@tandem/shared/clock';
import type { Settings } from '@tandem/shared/config';
import type { EventLog, LogProducer } from '@tandem/shared/log';
import type { Logger, Metrics, Tracing } from '@tandem/shared/telemetry';

/** What a gateway stands on, opened by the composition root. */
export interface GatewayPorts {
  log: EventLog;
  producer: LogProducer;
  cache: Cache;
  /** Of the registry, not retired. */
  variants: readonly Variant[];
  workloads: readonly Workload[];
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  tracing: Tracing;
  /** What people call an item, by its id, for pages that show answers. @default ids only */
  titles?: ReadonlyMap<string, string>;
}

export interface GatewayOptions {
  settings: Settings;
  ports: GatewayPorts;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/;

/** Whether the address is reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}

/** On by default outside localhost. */
export function asksForCredentials({ gatewayAuth, gatewayHost }: Settings): boolean {
  return gatewayAuth === 'auto' ? !isLoopback(gatewayHost) : gatewayAuth === 'on';
}
