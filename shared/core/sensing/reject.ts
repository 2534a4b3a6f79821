import type { ErrorCode, Reason, RejectedOutcome } from '@tandem/schemas';
import type { RecordError } from '../../errors/index.ts';
import type { RequestIdentity } from './types.ts';

/** Reasons of rejections whose cause is not that the request is invalid. */
const REASONS: Partial<Record<ErrorCode, Reason>> = { expired: 'expired', internal: 'step_failed', quota_exceeded: 'overload' };

/** The outcome from which fusion answers a request that never became a task. */
export function rejectedOutcome(
  { requestId, workload, userId }: RequestIdentity,
  { code, message }: RecordError,
  { arrivedAt, source }: { arrivedAt: number; source: string },
): RejectedOutcome {
  return {
    kind: 'rejected',
    requestId,
    workload,
    ...(userId === undefined ? {} : { userId }),
    reason: REASONS[code] ?? 'invalid',
    code,
    message,
    arrivedAt,
    source,
  };
}
