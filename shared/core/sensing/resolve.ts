import type { Lane, Request, Workload } from '@tandem/schemas';
import { RecordError } from '../../errors/index.ts';
import { describeIssues } from './describe-issues.ts';
import type { AsOf } from './history.ts';
import type { WorkloadBinding } from './types.ts';

/** A request that fits its workload and came in time. */
export interface ResolvedRequest {
  request: Request;
  binding: WorkloadBinding;
  /** As parsed by the adapter's schema: defaults filled in, unknown fields gone. */
  input: unknown;
  /** Broker's append time, epoch ms. */
  arrivedAt: number;
  /** Epoch ms; null: none. */
  deadlineAt: number | null;
}

/**
 * @param now epoch ms
 * @throws {RecordError} `unknown_workload`, `invalid_input`, `expired`, looked for in this order
 */
export function resolveRequest(
  request: Request,
  bindings: ReadonlyMap<string, WorkloadBinding>,
  { arrivedAt, now, lane }: { arrivedAt: number; now: number; lane: Lane },
): ResolvedRequest {
  const binding = bindings.get(request.workload);
  if (binding === undefined) {
    throw new RecordError('unknown_workload', `there is no workload ${request.workload}; there are ${[...bindings.keys()].join(', ')}`);
  }
  const input = parseInput(request, binding);
  const deadlineAt = deadlineOf(request, binding.workload, arrivedAt, lane);
  if (deadlineAt !== null && deadlineAt <= now) {
    throw new RecordError('expired', `the deadline had passed ${Math.ceil(now - deadlineAt)} ms before the request was read`);
  }
  return { request, binding, input, arrivedAt, deadlineAt };
}

function parseInput(request: Request, { adapter }: WorkloadBinding): unknown {
  const result = adapter.inputSchema.safeParse(request.input);
  if (result.success) return result.data;
  throw new RecordError('invalid_input', describeIssues(result.error, 'input'));
}

/** The workload's deadline is for people who wait: bulk requests have one only where they say so. */
function deadlineOf({ hints }: Request, workload: Workload, arrivedAt: number, lane: Lane): number | null {
  const deadlineMs = hints?.deadlineMs ?? (lane === 'bulk' ? null : workload.deadlineMs);
  return deadlineMs === null ? null : arrivedAt + deadlineMs;
}

/** The moment that the request wants the user's features as of. */
export function asOfRequest({ request, input }: Pick<ResolvedRequest, 'request' | 'input'>): AsOf {
  const interactions: unknown = isObject(input) ? input['asOfInteractions'] : undefined;
  return { interactions: typeof interactions === 'number' ? interactions : undefined, time: request.time };
}

/** False: neither the history nor the activity of the user would be used. */
export function needsHistory({ request, input }: Pick<ResolvedRequest, 'request' | 'input'>): boolean {
  if (request.userId === undefined) return false;
  const givesHistory = isObject(input) && Array.isArray(input['history']);
  return !givesHistory || request.hints?.activity === undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
