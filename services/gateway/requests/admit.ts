import type { Credential } from '../auth/credential.ts';
import type { GatewayContext } from '../context.ts';
import type { Hold } from '../limits/fair-share.ts';
import type { LoadWatch } from '../overload/load-watch.ts';
import { Problem } from '../problems/problem.ts';
import type { PreparedRequest } from './prepare.ts';

/** Of the deadline: a request that would wait longer for its model alone has no use. */
const USABLE = 0.9;
const LONGEST_RETRY_SECONDS = 60;

/**
 * Refuses early what could only be answered late, or not at all, and what would take more than its tenant's share of those who wait.
 * @returns the place among those who wait, to be given back
 * @throws {Problem} `draining`, `overload`, with a time to come back
 */
export function admit(prepared: PreparedRequest, { tenant }: Credential, { shares, load, draining }: GatewayContext): Hold {
  const { requestId } = prepared;
  if (draining) throw new Problem('draining', { detail: 'This gateway is going away; another will answer.', requestId, retryAfterSeconds: 1, headers: { connection: 'close' } });
  refuseLate(prepared, load);
  const hold = shares.waiting.take(tenant);
  if (hold === undefined) throw new Problem('overload', { detail: `${shares.waiting.used} requests wait here already${tenant === undefined ? '' : `, too many of them ${tenant}’s to leave others their part`}.`, requestId, retryAfterSeconds: 1 });
  return hold;
}

function refuseLate({ workload, request, deadlineMs, requestId }: PreparedRequest, load: LoadWatch): void {
  if (workload === undefined || deadlineMs === undefined) return;
  const waitMs = load.waitMs(workload, request.hints?.task ?? workload.defaultTask);
  if (waitMs === undefined || waitMs <= USABLE * deadlineMs) return;
  const retryAfterSeconds = Math.min(LONGEST_RETRY_SECONDS, Math.max(1, Math.ceil((waitMs - USABLE * deadlineMs) / 1_000)));
  throw new Problem('overload', { detail: `It would wait about ${Math.round(waitMs)} ms for its model; its deadline is ${deadlineMs} ms.`, requestId, retryAfterSeconds });
}
