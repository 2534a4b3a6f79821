import { checkSchemaVersion } from '../core/index.ts';
import { RecordError } from '../errors/index.ts';
import type { LogRecord } from '../log/index.ts';
import { HandedOver } from './json-records.ts';

/**
 * An internal record. Its writer was a stage of Tandem, so its shape is trusted; that it is one at all is not.
 * @throws {RecordError} `invalid_record`, `unsupported_schema_version`
 */
export function readRecord<T extends { requestId: string }>(record: LogRecord): T {
  const value = readJson(record);
  if (typeof value === 'object' && value !== null && 'requestId' in value && typeof value.requestId === 'string') return value as T;
  throw new RecordError('invalid_record', `not a record of ${record.topic}: it has no requestId`);
}

/**
 * @throws {RecordError} `invalid_record`, `unsupported_schema_version`
 */
export function readJson(record: LogRecord): unknown {
  if (record instanceof HandedOver) return record.body;
  checkSchemaVersion(record.headers);
  try {
    return JSON.parse(record.value?.toString('utf8') ?? '');
  } catch (error) {
    throw new RecordError('invalid_record', `not a readable record of ${record.topic}: only Tandem's own stages write there`, error);
  }
}
