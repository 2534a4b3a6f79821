import { cancelSchema, requestSchema, type Cancel, type Request } from '@tandem/schemas';
import { RecordError } from '../../errors/index.ts';
import { describeIssues } from './describe-issues.ts';
import { identityIn, identityOf } from './identity.ts';
import { checkCounts } from './counts.ts';
import { checkDepth, hasTrue, parseJson, presentValue } from './json.ts';
import { checkSchemaVersion } from './schema-version.ts';
import type { RawRecord, RequestIdentity, SensingLimits } from './types.ts';

/** What a record on a request topic turned out to be. */
export type RequestReading =
  | { request: Request; identity: RequestIdentity; cancel?: undefined; error?: undefined }
  | { cancel: Cancel; identity: RequestIdentity; request?: undefined; error?: undefined }
  /** With an identity the sender is owed a rejection; without one (also of a cancel) the record is a dead letter. */
  | { request?: undefined; cancel?: undefined; identity: RequestIdentity | undefined; error: RecordError };

/**
 * Reads a request, or a cancel, as strangers write them. Never throws a RecordError: it is in the reading, with codes
 * `unreadable_batch`, `empty_value`, `too_large`, `invalid_encoding`, `invalid_json`, `unsupported_schema_version`, `too_deep`,
 * `too_many_fields`, `invalid_request`, looked for in this order.
 */
export function readRequest(record: RawRecord, limits: SensingLimits): RequestReading {
  let parsed: unknown;
  try {
    parsed = parseJson(presentValue(record, limits));
  } catch (error) {
    return { identity: isTooLarge(error) ? ownedIdentity(parsedOrNothing(record.value)) : undefined, error: asRecordError(error) };
  }
  try {
    checkSchemaVersion(record.headers);
    checkDepth(parsed, limits);
    checkCounts(parsed, record.headers, limits);
    return hasTrue(parsed, 'cancel') ? readCancel(parsed) : readParsed(parsed);
  } catch (error) {
    return { identity: ownedIdentity(parsed), error: asRecordError(error) };
  }
}

/** Who is owed an answer. A cancel answers nobody: its request is answered. */
function ownedIdentity(parsed: unknown): RequestIdentity | undefined {
  return hasTrue(parsed, 'cancel') ? undefined : identityOf(parsed);
}

function readParsed(parsed: unknown): RequestReading {
  const result = requestSchema.safeParse(parsed);
  // Of a request that is right, it needs no second look: the same schemas have read the same fields.
  if (result.success) return { request: result.data, identity: identityIn(result.data) };
  return { identity: identityOf(parsed), error: new RecordError('invalid_request', describeIssues(result.error)) };
}

function readCancel(parsed: unknown): RequestReading {
  const result = cancelSchema.safeParse(parsed);
  const identity = identityOf(parsed);
  if (result.success && identity !== undefined) return { cancel: result.data, identity };
  const message = result.error === undefined ? 'requestId: unreadable' : describeIssues(result.error);
  return { identity: undefined, error: new RecordError('invalid_request', `cancel: ${message}`) };
}

/** Undefined where it is not JSON. */
function parsedOrNothing(value: Uint8Array | null): unknown {
  try {
    return value === null ? undefined : parseJson(value);
  } catch {
    return undefined;
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof RecordError && error.code === 'too_large';
}

function asRecordError(error: unknown): RecordError {
  if (error instanceof RecordError) return error;
  throw error;
}
