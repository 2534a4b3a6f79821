import type { Authority } from './certificates.ts';
import { freePort } from './processes.ts';
import { startRedisServer, type RedisServer } from './redis-server.ts';

export interface SecureRedisOptions {
  authority: Authority;
  /** Rules by user, as in `ACL SETUSER`; the default user is off. */
  users: Readonly<Record<string, readonly string[]>>;
  /** Only clients with a certificate. @default false */
  mutual?: boolean;
}

export interface SecureRedis {
  /** rediss://127.0.0.1:port */
  readonly url: string;
  readonly server: RedisServer;
}

/** A Redis with TLS and users. Its plain port answers nobody. */
export async function startSecureRedis({ authority, users, mutual = false }: SecureRedisOptions): Promise<SecureRedis> {
  const port = await freePort();
  const { cert, key } = await authority.issue('redis');
  const tls = ['--tls-port', `${port}`, '--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', authority.ca, '--tls-auth-clients', mutual ? 'yes' : 'no'];
  const acl = Object.entries(users).flatMap(([user, rules]) => ['--user', user, ...rules]);
  const server = await startRedisServer({ args: [...tls, '--user', 'default', 'off', ...acl] });
  return { url: `rediss://127.0.0.1:${port}`, server };
}
