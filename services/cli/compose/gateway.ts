import { Gateway } from '@tandem/gateway';
import type { Settings } from '@tandem/shared/config';
import { TandemError } from '@tandem/shared/errors';
import type { Ports } from './ports.ts';

export const DEFAULT_GATEWAY_PORT = 8_080;

/** A gateway on this process's ports. @param titles what people call items, by id, where that is known */
export function startGateway(settings: Settings, ports: Ports, titles?: ReadonlyMap<string, string>): Promise<Gateway> {
  return Gateway.start({ settings, ports: titles === undefined ? ports : { ...ports, titles } });
}

/** For this machine only, on the usual port, or on a free one where that is taken. */
export async function startLocalGateway(settings: Settings, ports: Ports, titles?: ReadonlyMap<string, string>): Promise<Gateway> {
  const local = { ...settings, gatewayHost: '127.0.0.1', gatewayPort: DEFAULT_GATEWAY_PORT };
  try {
    return await startGateway(local, ports, titles);
  } catch (error) {
    if (!(error instanceof TandemError) || error.code !== 'gateway_port') throw error;
    return startGateway({ ...local, gatewayPort: 0 }, ports, titles);
  }
}
