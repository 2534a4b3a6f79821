import type { Cancellation, Work, WorkRecord } from '@tandem/schemas';
import { RecordError } from '@tandem/shared/errors';
import type { LogRecord } from '@tandem/shared/log';
import { readJson } from '@tandem/shared/runner';

/**
 * Its writer was a stage of Tandem, so its shape is trusted; that it is work or a cancellation at all is not.
 * @throws {RecordError} `invalid_record`, `unsupported_schema_version`
 */
export function readWork(record: LogRecord): WorkRecord {
  const value = readJson(record) as (Partial<Work> & Partial<Cancellation>) | null;
  if (typeof value?.step === 'string' && typeof value.task?.requestId === 'string') return value as Work;
  if (value?.cancel === true && typeof value.requestId === 'string') return value as Cancellation;
  throw new RecordError('invalid_record', `not a record of ${record.topic}: it has no step or no task`);
}
