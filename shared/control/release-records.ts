import { topicName, type AuditEntry, type Variant } from '@tandem/schemas';
import type { OutgoingRecord } from '../log/index.ts';

/** What running workers are to serve of a variant. */
export interface Release {
  /** `model.precision` */
  name: string;
  /** The version that workers take; null: the registry's stable one again. */
  variant: Variant | null;
  /** That they serve then. */
  version: string;
}

export interface ReleaseRecordsOptions {
  prefix: string;
  /** Who does it. */
  actor: string;
  /** Epoch ms. */
  time: number;
}

/** All that has to be written for a promotion or a rollback, in this order: the release, who did it. */
export function releaseRecords({ name, variant, version }: Release, { prefix, actor, time }: ReleaseRecordsOptions): OutgoingRecord[] {
  const action = variant === null ? 'model.rollback' : 'model.promote';
  const entry: AuditEntry = { time, actor, action, target: name, outcome: 'done', detail: `version ${version}` };
  return [
    { topic: topicName(prefix, 'models'), key: name, value: variant === null ? null : JSON.stringify(variant) },
    { topic: topicName(prefix, 'audit'), key: actor, value: JSON.stringify(entry) },
  ];
}
