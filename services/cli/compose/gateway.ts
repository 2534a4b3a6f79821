import { Gateway } from '@tandem/gateway';
import type { Settings } from '@tandem/shared/config';
import type { Ports } from './ports.ts';

/** A gateway on this process's ports. */
export function startGateway(settings: Settings, ports: Ports): Promise<Gateway> {
  return Gateway.start({ settings, ports });
}
