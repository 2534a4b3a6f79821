import type { Response } from '@tandem/schemas';
import { Problem } from './problem.ts';

const RETRY_AFTER_SECONDS = 1;

/** Undefined: it holds a result. */
export function problemOf(response: Response): Problem | undefined {
  const { status, error, reason, requestId } = response;
  if (status === 'complete' || status === 'degraded') return undefined;
  const code = error?.code ?? 'internal';
  const busy = code === 'overload' || code === 'quota_exceeded' || code === 'no_variant' || code === 'variant_unavailable';
  return new Problem(code, { detail: error?.message ?? reason ?? status, requestId, response, ...(busy ? { retryAfterSeconds: RETRY_AFTER_SECONDS } : {}) });
}
