import type { Work } from '@tandem/schemas';
import { RecordError } from '@tandem/shared/errors';
import type { LogRecord } from '@tandem/shared/log';

/**
 * Work's writer was a stage of Tandem, so its shape is trusted; that it is work at all is not.
 * @throws {RecordError} `invalid_record`
 */
export function readWork(record: LogRecord): Work {
  const value = parse(record) as Partial<Work> | null;
  if (typeof value?.step === 'string' && typeof value.task?.requestId === 'string') return value as Work;
  throw new RecordError('invalid_record', `not a record of ${record.topic}: it has no step or no task`);
}

function parse(record: LogRecord): unknown {
  try {
    return JSON.parse(record.value?.toString('utf8') ?? '');
  } catch (error) {
    throw new RecordError('invalid_record', `not a readable record of ${record.topic}: only Tandem's own stages write there`, error);
  }
}
