import { checkRedisAccess, inspectRedis, type RedisFacts } from '@tandem/shared/cache';
import { TandemError } from '@tandem/shared/errors';
import { silentLogger } from '@tandem/shared/telemetry';
import { failed, ok, skipped, warning, type Finding } from '../finding.ts';
import type { Check } from '../run-checks.ts';

const MENDS: Readonly<Record<string, string>> = {
  cache_unreachable: 'start it (docker compose up -d redis, or redis-server), or mend --redis redis://host:port',
  cache_authentication: 'set --redis-username, and the password in TANDEM_REDIS_PASSWORD',
  cache_not_authorized: 'give the user the rule in docs/security.md (ACL SETUSER …)',
};
const OLDEST = '6.2';

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST.split('.').map(Number);
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
}

function findingsOf({ version, maxmemoryBytes, maxmemoryPolicy, roundTripMs }: RedisFacts): Finding[] {
  const found: Finding[] = [];
  if (version !== undefined && isOlder(version)) found.push(failed('redis_too_old', `Redis ${version}; ${OLDEST} or later is needed`, 'install a newer Redis'));
  if (maxmemoryPolicy === 'noeviction' && (maxmemoryBytes ?? 0) > 0) {
    found.push(warning('redis_noeviction', `memory is bounded (${maxmemoryBytes} bytes) and nothing is evicted: writes fail when it is full`, 'redis-cli CONFIG SET maxmemory-policy volatile-lru'));
  }
  return [...found, ok(`Redis ${version ?? '(its version is hidden)'}, ${roundTripMs.toFixed(1)} ms away`)];
}

export const redisCheck: Check = {
  name: 'redis',
  async run({ settings, patienceMs, options: { connections } }) {
    if (settings.redis === undefined) return [skipped('no --redis: each classifier keeps features in its own memory, so there can be one classifier only')];
    const options = { ...connections.redis, url: settings.redis, prefix: settings.prefix, logger: silentLogger, connectTimeoutMs: patienceMs, commandTimeoutMs: patienceMs };
    try {
      const facts = await inspectRedis(options).catch(async (error: unknown) => {
        await checkRedisAccess(options);
        throw error;
      });
      await checkRedisAccess(options);
      return findingsOf(facts);
    } catch (error) {
      if (!(error instanceof TandemError)) throw error;
      return [failed(error.code, error.message, MENDS[error.code] ?? 'mend what the message names; docs/security.md has all settings')];
    }
  },
};
