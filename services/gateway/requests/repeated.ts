import type { Response } from '@tandem/schemas';
import type { GatewayContext } from '../context.ts';
import { Problem } from '../problems/problem.ts';
import type { Exchange } from './exchange.ts';
import { fingerprintOf, type PreparedRequest } from './prepare.ts';

/** How often another gateway's answer is looked for. */
const POLL_MS = 50;

/**
 * What is known of a request whose id was used before: its answer; undefined where that is not there within the time; `first` where it is new.
 * @throws {Problem} `idempotency_conflict`
 */
export async function repeated(prepared: PreparedRequest, exchange: Exchange, waitMs: number, { answers }: GatewayContext): Promise<Response | undefined | 'first'> {
  const { flowId, request, requestId } = prepared;
  const { isFirst, isSame } = await answers.claim(flowId, fingerprintOf(request));
  if (isFirst) return 'first';
  if (!isSame) throw new Problem('idempotency_conflict', { detail: 'This id or Idempotency-Key was used for another request; choose a new one for each.', requestId });
  const kept = await answers.find(flowId);
  if (kept !== undefined || waitMs === 0) return kept;
  const ended = new AbortController();
  try {
    // The first call may wait here, or at another gateway.
    return await Promise.race([exchange.wait({ waitMs, signal: ended.signal }), poll(() => answers.find(flowId), waitMs, ended.signal)]);
  } finally {
    ended.abort();
  }
}

async function poll(find: () => Promise<Response | undefined>, waitMs: number, signal: AbortSignal): Promise<Response | undefined> {
  for (const until = performance.now() + waitMs; !signal.aborted && performance.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const found = await find();
    if (found !== undefined) return found;
  }
  return undefined;
}
