import { idSchema, requestIdSchema, requestSchema, userIdSchema, type Request } from '@tandem/schemas';
import type { z } from 'zod';
import type { RequestIdentity } from './types.ts';

const keySchema = requestSchema.shape.key;

/**
 * Reads what identifies a request from a parsed value that may be wrong in every other respect.
 * Undefined: no valid request id, so nobody can be answered.
 */
export function identityOf(parsed: unknown): RequestIdentity | undefined {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
  const requestId = readField(parsed, 'requestId', requestIdSchema);
  if (requestId === undefined) return undefined;
  const userId = readField(parsed, 'userId', userIdSchema);
  const key = readField(parsed, 'key', keySchema);
  return {
    requestId,
    workload: readField(parsed, 'workload', idSchema) ?? '',
    ...(userId === undefined ? {} : { userId }),
    ...(key === undefined ? {} : { key }),
  };
}

/** What identifies a request that has been found right. */
export function identityIn({ requestId, workload, userId, key }: Request): RequestIdentity {
  return { requestId, workload, ...(userId === undefined ? {} : { userId }), ...(key === undefined ? {} : { key }) };
}

/** All records of one affinity key keep their order and meet the same worker. Without user and key nothing is ordered. */
export function affinityKey({ userId, key, requestId }: { userId?: string | undefined; key?: string | undefined; requestId: string }): string {
  return userId ?? key ?? requestId;
}

function readField<Value>(parsed: object, name: string, schema: z.ZodType<Value>): Value | undefined {
  // Own fields only: nothing is read from a prototype.
  const value: unknown = Object.getOwnPropertyDescriptor(parsed, name)?.value;
  const result = schema.safeParse(value);
  return result.success ? result.data : undefined;
}
