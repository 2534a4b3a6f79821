import type { ServerOptions } from 'node:http';

/** Bounds of what a client may do before it is known. */
export const HTTP_LIMITS: ServerOptions = {
  maxHeaderSize: 16_384,
  /** A client that sends its headers one byte at a time is cut off. */
  headersTimeout: 10_000,
  /** How often the bound above is looked at. */
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 65_000,
  requestTimeout: 0,
};

/** A body that has not come whole by then is refused. */
export const BODY_TIMEOUT_MS = 15_000;
