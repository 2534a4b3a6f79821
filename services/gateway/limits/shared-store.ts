import type { FastifyRateLimitStoreCtor } from '@fastify/rate-limit';
import type { Cache } from '@tandem/shared/cache';
import type { Clock } from '@tandem/shared/clock';

type Callback = (error: Error | null, result?: { current: number; ttl: number }) => void;

/** Counts of all gateways together: one number per credential and window. */
export function sharedStore(cache: Cache, clock: Pick<Clock, 'now'>): FastifyRateLimitStoreCtor {
  return class SharedStore {
    incr(key: string, callback: Callback, windowMs: number): void {
      const now = clock.now();
      const window = Math.floor(now / windowMs);
      const ttl = (window + 1) * windowMs - now;
      cache.increment(`gateway/rate/${key}/${window}`, { ttlMs: 2 * windowMs }).then(
        (current) => callback(null, { current, ttl }),
        (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
      );
    }

    child(): SharedStore {
      return this;
    }
  };
}
