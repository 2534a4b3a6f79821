import { randomUUID } from 'node:crypto';
import { setTimeout as passed } from 'node:timers/promises';
import { createRedisCache } from '@tandem/shared/cache';
import { silentLogger } from '@tandem/shared/telemetry';
import { inject } from 'vitest';
import { describeCache } from './cache.ts';

describeCache('redis', async () => ({
  cache: createRedisCache({ url: inject('redis'), prefix: `test.${randomUUID()}:`, logger: silentLogger, commandTimeoutMs: 20_000 }),
  // Redis keeps its own time, so it has to pass.
  passTime: (durationMs) => passed(durationMs + 5),
}));
