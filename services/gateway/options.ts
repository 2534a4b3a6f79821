import type { Variant, Workload } from '@tandem/schemas';
import type { Cache } from '@tandem/shared/cache';
import type { Clock } from '@tandem/shared/clock';
import type { Settings } from '@tandem/shared/config';
import { TandemError } from '@tandem/shared/errors';
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

/**
 * For whoever starts a gateway, before anything is waited for.
 * @throws {TandemError} `gateway_credentials`: they are asked for, and there are none to compare with
 */
export function requireCredentials(settings: Settings): void {
  const { gatewayHost, gatewayKeysFile, gatewayJwksUrl } = settings;
  if (!asksForCredentials(settings) || gatewayKeysFile !== undefined || gatewayJwksUrl !== undefined) return;
  const why = isLoopback(gatewayHost) ? 'is to ask for credentials' : `listens on ${gatewayHost}, so it asks for credentials`;
  const message = `the gateway ${why}, and has none to compare with: make a key with tandem gateway keys create --file keys.json and give --gateway-keys-file keys.json, or --gateway-jwks-url with issuer and audience; or --gateway-auth off where something in front of it asks`;
  throw new TandemError(message, { code: 'gateway_credentials' });
}
