import type { Work } from '@tandem/schemas';
import { RecordError } from '@tandem/shared/errors';
import type { LogRecord } from '@tandem/shared/log';
import { readJson } from '@tandem/shared/runner';

/**
 * Work's writer was a stage of Tandem, so its shape is trusted; that it is work at all is not.
 * @throws {RecordError} `invalid_record`, `unsupported_schema_version`
 */
export function readWork(record: LogRecord): Work {
  const value = readJson(record) as Partial<Work> | null;
  if (typeof value?.step === 'string' && typeof value.task?.requestId === 'string') return value as Work;
  throw new RecordError('invalid_record', `not a record of ${record.topic}: it has no step or no task`);
}
