import { requestSchema, type Request } from '@tandem/schemas';
import { RecordError } from '../../errors/index.ts';
import { describeIssues } from './describe-issues.ts';
import { identityOf, identityOfBytes } from './identity.ts';
import { checkDepth, parseJson, presentValue } from './json.ts';
import { checkSchemaVersion } from './schema-version.ts';
import type { RequestIdentity, SensingLimits } from './types.ts';

/** What a record on a request topic turned out to be. */
export type RequestReading =
  | { request: Request; identity: RequestIdentity; error?: undefined }
  /** With an identity the sender is owed a rejection; without one the record is a dead letter. */
  | { request?: undefined; identity: RequestIdentity | undefined; error: RecordError };

interface RawRecord {
  value: Uint8Array | null;
  headers: Readonly<Record<string, string>>;
}

/**
 * Reads a request as strangers write them. Never throws a RecordError: it is in the reading, with codes `empty_value`,
 * `too_large`, `invalid_encoding`, `invalid_json`, `unsupported_schema_version`, `too_deep`, `invalid_request`,
 * looked for in this order.
 */
export function readRequest(record: RawRecord, limits: SensingLimits): RequestReading {
  let parsed: unknown;
  try {
    parsed = parseJson(presentValue(record.value, limits));
  } catch (error) {
    const identity = isTooLarge(error) && record.value !== null ? identityOfBytes(record.value) : undefined;
    return { identity, error: asRecordError(error) };
  }
  const identity = identityOf(parsed);
  try {
    checkSchemaVersion(record.headers);
    checkDepth(parsed, limits);
    return readParsed(parsed, identity);
  } catch (error) {
    return { identity, error: asRecordError(error) };
  }
}

function readParsed(parsed: unknown, identity: RequestIdentity | undefined): RequestReading {
  const result = requestSchema.safeParse(parsed);
  if (result.success && identity !== undefined) return { request: result.data, identity };
  const message = result.error === undefined ? 'requestId: unreadable' : describeIssues(result.error);
  return { identity, error: new RecordError('invalid_request', message) };
}

function isTooLarge(error: unknown): boolean {
  return error instanceof RecordError && error.code === 'too_large';
}

function asRecordError(error: unknown): RecordError {
  if (error instanceof RecordError) return error;
  throw error;
}
