import type { GatewayContext } from '../context.ts';
import { Problem } from '../problems/problem.ts';
import type { PreparedRequest } from './prepare.ts';

/** Of the deadline: a request that would wait longer for its model alone has no use. */
const USABLE = 0.9;
const LONGEST_RETRY_SECONDS = 60;

/**
 * Refuses early what could only be answered late, or not at all.
 * @throws {Problem} `draining`, `overload`, with a time to come back
 */
export function admit({ workload, request, deadlineMs, requestId }: Pick<PreparedRequest, 'workload' | 'request' | 'deadlineMs' | 'requestId'>, context: GatewayContext): void {
  const { desk, settings, load, draining } = context;
  if (draining) throw new Problem('draining', { detail: 'This gateway is going away; another will answer.', requestId, retryAfterSeconds: 1, headers: { connection: 'close' } });
  if (desk.waiting >= settings.gatewayMaxWaiting) {
    throw new Problem('overload', { detail: `${desk.waiting} requests wait here already.`, requestId, retryAfterSeconds: 1 });
  }
  if (workload === undefined || deadlineMs === undefined) return;
  const waitMs = load.waitMs(workload, request.hints?.task ?? workload.defaultTask);
  if (waitMs === undefined || waitMs <= USABLE * deadlineMs) return;
  const retryAfterSeconds = Math.min(LONGEST_RETRY_SECONDS, Math.max(1, Math.ceil((waitMs - USABLE * deadlineMs) / 1_000)));
  throw new Problem('overload', { detail: `It would wait about ${Math.round(waitMs)} ms for its model; its deadline is ${deadlineMs} ms.`, requestId, retryAfterSeconds });
}
