import type { ServerOptions } from 'node:http';
import type { Settings } from '@tandem/shared/config';

/** Bounds of what a client may do before it is known. */
export function httpLimits({ gatewayHeaderTimeoutMs }: Settings): ServerOptions {
  return {
    maxHeaderSize: 16_384,
    // A client that sends its headers one byte at a time.
    headersTimeout: gatewayHeaderTimeoutMs,
    // How often the bound above is looked at.
    connectionsCheckingInterval: Math.min(1_000, gatewayHeaderTimeoutMs),
    keepAliveTimeout: 65_000,
    // Of bodies there are bounds by route: some come for as long as they come.
    requestTimeout: 0,
  };
}
