import { HEADER, SCHEMA_VERSION } from '@tandem/schemas';
import { RecordError } from '../../errors/index.ts';

/**
 * A record without the header counts as of the present version.
 * @throws {RecordError} `unsupported_schema_version` for a later major version, and for what is not a version
 */
export function checkSchemaVersion(headers: Readonly<Record<string, string>>): void {
  const version = headers[HEADER.schemaVersion];
  if (version === undefined || version === SCHEMA_VERSION) return;
  if (majorOf(version) <= majorOf(SCHEMA_VERSION)) return;
  throw new RecordError(
    'unsupported_schema_version',
    `schema version ${JSON.stringify(version.slice(0, 32))} is not understood here; versions up to ${SCHEMA_VERSION} are`,
  );
}

/** NaN for what is not a version; NaN is not ≤ anything. */
function majorOf(version: string): number {
  return /^\d{1,9}(\.|$)/.test(version) ? Number.parseInt(version, 10) : Number.NaN;
}
