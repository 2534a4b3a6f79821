import { topicName, type AuditEntry, type ExperimentControl } from '@tandem/schemas';
import type { OutgoingRecord } from '../log/index.ts';
import { experimentKey } from './control-state.ts';

/** What was done to an experiment, as the audit names it. */
export type ExperimentDeed = 'start' | 'weights' | 'promote' | 'rollback' | 'end' | 'stop' | 'remove';

export interface ExperimentRecordsOptions {
  prefix: string;
  /** Name of the credential, or of the scheduler that did it by itself. */
  actor: string;
  deed: ExperimentDeed;
  /** Epoch ms. */
  time: number;
}

function auditRecord(name: string, detail: string, { prefix, actor, deed, time }: ExperimentRecordsOptions): OutgoingRecord {
  const entry: AuditEntry = { time, actor, action: `experiment.${deed}`, target: name, outcome: 'done', detail: detail.slice(0, 4_000) };
  return { topic: topicName(prefix, 'audit'), key: actor, value: JSON.stringify(entry) };
}

/**
 * A version that is promoted is everybody's: workers take it over from topic `models`, without a pause. Rolled back, they go back to the
 * registry's stable one.
 */
function releaseRecords({ state, winner, releases, out }: ExperimentControl, { prefix, deed }: ExperimentRecordsOptions): OutgoingRecord[] {
  const release = winner === undefined ? undefined : releases?.[winner];
  if (winner === undefined || release === undefined) return [];
  const record = (value: string | null) => ({ topic: topicName(prefix, 'models'), key: `${release.model}.${release.precision}`, value });
  if (state === 'promoted') return [record(JSON.stringify({ ...release, status: 'stable' }))];
  return deed === 'rollback' && out[winner] !== undefined ? [record(null)] : [];
}

/** All that has to be written for a change of an experiment, in this order: the release, what the stages are to do, who did it and why. */
export function experimentRecords(next: ExperimentControl, options: ExperimentRecordsOptions): OutgoingRecord[] {
  const { definition: { name }, why } = next;
  const control = { topic: topicName(options.prefix, 'control'), key: experimentKey(name), value: JSON.stringify(next) };
  return [...releaseRecords(next, options), control, auditRecord(name, why, options)];
}

/** Nothing of it is left but what the audit says. @param reportKeys of its counts on topic `telemetry` */
export function removalRecords(name: string, reportKeys: readonly string[], options: ExperimentRecordsOptions): OutgoingRecord[] {
  const reports = reportKeys.map((key) => ({ topic: topicName(options.prefix, 'telemetry'), key, value: null }));
  return [{ topic: topicName(options.prefix, 'control'), key: experimentKey(name), value: null }, ...reports, auditRecord(name, 'removed', options)];
}
