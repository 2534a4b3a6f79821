import type { ConnectionOptions } from 'node:tls';
import type { Logger } from '../../telemetry/index.ts';

export interface RedisCacheOptions {
  /** `redis://[user:password@]host:port[/db]`, or `rediss://…` for TLS. */
  url: string;
  /** Begins every key, so that several systems can share a server. */
  prefix: string;
  logger: Logger;
  /** ACL user, where the address names none. */
  username?: string;
  /** Where the address has none. */
  password?: string;
  /** Certificates and such; used with `rediss://`. */
  tls?: ConnectionOptions;
  /** A command that has no answer by then fails; one that waited for others to be sent, by twice that. Callers that cannot wait so long bound their own wait. @default 2000 */
  commandTimeoutMs?: number;
  /** How long commands wait for the very first connection. Later, without a connection they fail at once. @default 2000 */
  connectTimeoutMs?: number;
}
