import { erasureSchema, interactionSchema, type Erasure, type Interaction } from '@tandem/schemas';
import { RecordError } from '../../errors/index.ts';
import { describeIssues } from './describe-issues.ts';
import { checkCounts } from './counts.ts';
import { checkDepth, hasTrue, parseJson, presentValue } from './json.ts';
import { checkSchemaVersion } from './schema-version.ts';
import type { RawRecord, SensingLimits } from './types.ts';

/**
 * Reads an interaction, or an erasure, as strangers write them.
 * @throws {RecordError} `unreadable_batch`, `empty_value`, `too_large`, `invalid_encoding`, `invalid_json`, `unsupported_schema_version`,
 * `too_deep`, `too_many_fields`, `invalid_interaction`, looked for in this order
 */
export function readInteraction(record: RawRecord, limits: SensingLimits): Interaction | Erasure {
  const parsed = parseJson(presentValue(record, limits));
  checkSchemaVersion(record.headers);
  checkDepth(parsed, limits);
  checkCounts(parsed, record.headers, limits);
  const result = hasTrue(parsed, 'erase') ? erasureSchema.safeParse(parsed) : interactionSchema.safeParse(parsed);
  if (result.success) return result.data;
  throw new RecordError('invalid_interaction', describeIssues(result.error));
}

export function isErasure(read: Interaction | Erasure): read is Erasure {
  return 'erase' in read;
}
