import { TandemError, messageOf } from '../errors/index.ts';

/** The cache cannot be reached or did not answer in time; the same call may succeed later. */
export function cacheUnavailable(description: string, cause: unknown): TandemError {
  return new TandemError(`the cache (${description}) is unavailable: ${messageOf(cause)}`, {
    code: 'cache_unavailable',
    retryable: true,
    cause,
  });
}

export function cacheClosed(description: string): TandemError {
  return new TandemError(`the cache (${description}) has been closed`, { code: 'cache_closed' });
}
