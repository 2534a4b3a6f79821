import { CARRIED_HEADERS, HEADER, SCHEMA_VERSION } from '@tandem/schemas';
import { RecordError } from '../errors/index.ts';
import type { Headers, OutgoingRecord } from '../log/index.ts';

/** @throws {RecordError} `unsupported_schema_version` for a record of a later major version */
export function checkSchemaVersion(headers: Headers): void {
  const version = headers[HEADER.schemaVersion];
  if (version === undefined || version === SCHEMA_VERSION) return;
  const major = Number.parseInt(version, 10);
  if (!(major <= Number.parseInt(SCHEMA_VERSION, 10))) {
    throw new RecordError(
      'unsupported_schema_version',
      `schema version ${version.slice(0, 32)} is not understood by this version (up to ${SCHEMA_VERSION}); upgrade this stage first`,
    );
  }
}

/** What an input's headers add to each of its outputs. */
export function outputHeaders(input: Headers, span: Headers | undefined): Headers {
  const headers: Record<string, string> = { [HEADER.schemaVersion]: SCHEMA_VERSION };
  for (const name of CARRIED_HEADERS) {
    const value = input[name];
    if (value !== undefined) headers[name] = value;
  }
  return span === undefined ? headers : Object.assign(headers, span);
}

/** An output's own headers win over the carried ones. */
export function withHeaders(output: OutgoingRecord, carried: Headers): OutgoingRecord {
  return { ...output, headers: output.headers === undefined ? carried : { ...carried, ...output.headers } };
}
