import { idSchema, precisionSchema } from './ids.ts';
import { REPLY_PARTITIONS } from './reply-to.ts';

/** Who writes and reads a topic, and how it must be set up. */
export interface TopicSpec {
  /** Full name, with the prefix. */
  name: string;
  producer: string;
  consumer: string;
  schema: string;
  key: string;
  partitions: number;
  /** `compact,delete`: the newest per key, for as long as records are kept. */
  cleanup: 'delete' | 'compact' | 'compact,delete';
  /** A superseded or deleted record is gone by then, once its partition has been written to again. @default the broker's: no bound */
  maxCompactionLagMs?: number;
  retentionMs: number;
  maxRecordBytes: number;
  /**
   * append: the broker stamps each record. Deadlines count from the append time of the request, and each acknowledged
   * write tells the writer the broker's time, so that clocks of machines may differ.
   */
  timestamps: 'append' | 'create';
}

/** In front of the names of all topics and consumer groups. */
export const DEFAULT_PREFIX = 'tandem.';
/** Of every topic of the flow. */
export const DEFAULT_PARTITIONS = 4;
/** Of what producers and consumers outside write and read. */
export const MAX_RECORD_BYTES = 1_048_576;
/** Internal records carry an input and what was found out about it. */
export const MAX_INTERNAL_RECORD_BYTES = 4_194_304;
/** A dead letter or a delayed retry: any record, and what is said about it in headers. */
const MAX_WRAPPED_RECORD_BYTES = MAX_INTERNAL_RECORD_BYTES + 65_536;
const HOUR_MS = 3_600_000;
/** In the order of the flow. */
export const STAGE_NAMES = ['classifier', 'scheduler', 'worker', 'fusion'] as const;
/** A stage of the flow, as its folder, its consumer group and its metrics are called. */
export type StageName = (typeof STAGE_NAMES)[number];
/** Twice the longest deadline: work that waits is never deleted before its time is up. */
const FLOW_RETENTION_MS = 48 * HOUR_MS;

/** What the names and sizes of a deployment’s topics follow from. */
export interface TopologyOptions {
  prefix: string;
  /** Equal for all topics of the flow: co-partitioning rests on it. */
  partitions: number;
}

/** A topic by what it is for: its name without the prefix. */
export type TopicKind =
  | 'requests' | 'requests.bulk' | 'interactions' | 'tasks' | 'outcomes' | 'responses' | 'replies'
  | 'telemetry' | 'models' | 'control' | 'audit' | 'dead-letters' | RetryTopicKind;

/** Of a stage: its records that failed and are tried again later. */
export type RetryTopicKind = `retry.${StageName}`;

/** The full name of a topic. */
export function topicName(prefix: string, kind: TopicKind): string {
  return prefix + kind;
}

/** Where the work for a variant waits: `work.<model>.<precision>[.<pool>]`, in the bulk lane `bulk.…`. @throws {ZodError} a name that is no id */
export function workTopicName(prefix: string, lane: 'interactive' | 'bulk', variant: { model: string; precision: string; pool?: string | undefined }): string {
  idSchema.parse(variant.model);
  precisionSchema.parse(variant.precision);
  const name = `${prefix}${lane === 'bulk' ? 'bulk' : 'work'}.${variant.model}.${variant.precision}`;
  return variant.pool === undefined ? name : `${name}.${idSchema.parse(variant.pool)}`;
}

/** Topics that every deployment has, whatever its models. */
export function fixedTopics({ prefix, partitions }: TopologyOptions): TopicSpec[] {
  const flow = { partitions, cleanup: 'delete', retentionMs: FLOW_RETENTION_MS, maxRecordBytes: MAX_INTERNAL_RECORD_BYTES } as const;
  const ingress = { maxRecordBytes: MAX_RECORD_BYTES } as const;
  const spec = (kind: TopicKind, producer: string, consumer: string, schema: string, key: string, over: Partial<TopicSpec> = {}): TopicSpec =>
    ({ name: topicName(prefix, kind), producer, consumer, schema, key, timestamps: 'append', ...flow, ...over });
  return [
    spec('requests', 'your producers', 'classifier', 'Request, Cancel', 'any', ingress),
    spec('requests.bulk', 'backfills', 'classifier', 'Request, Cancel', 'any', ingress),
    spec('interactions', 'your producers', 'classifier', 'Interaction, Erasure', 'any (user recommended)', { ...ingress, retentionMs: 30 * 24 * HOUR_MS }),
    spec('tasks', 'classifier', 'scheduler, fusion', 'Task', 'affinity key'),
    spec('outcomes', 'worker, scheduler, classifier', 'scheduler, fusion', 'Outcome', 'affinity key'),
    spec('responses', 'fusion', 'your consumers, fusion, backfills', 'Response', 'affinity key'),
    // Copies for gateways that wait: which partition is the gateway's to say, so that their number is not the flow's.
    spec('replies', 'fusion', 'gateway', 'Response', 'none', { partitions: REPLY_PARTITIONS, retentionMs: HOUR_MS }),
    spec('telemetry', 'worker, classifier, scheduler, fusion', 'scheduler, classifier, worker', 'Heartbeat, ErasureNotice, SuspectsNotice, SchedulerReport, ExperimentReport', 'instance, erased user, experiment', { partitions: 1, cleanup: 'compact' }),
    spec('models', 'operators, gateway, scheduler', 'worker, scheduler', 'Variant', 'model.precision', { partitions: 1, cleanup: 'compact' }),
    spec('control', 'operators, gateway, scheduler', 'every stage', 'Control', 'what it is about', { partitions: 1, cleanup: 'compact' }),
    spec('audit', 'operators, gateway, scheduler', 'operators', 'AuditEntry', 'actor', { partitions: 1, retentionMs: 400 * 24 * HOUR_MS }),
    ...STAGE_NAMES.map((stage) => spec(`retry.${stage}`, stage, stage, 'record to retry', 'original key', { maxRecordBytes: MAX_WRAPPED_RECORD_BYTES })),
    spec('dead-letters', 'every stage', 'operators', 'original bytes', 'topic/partition/offset of the record', {
      cleanup: 'compact,delete', maxCompactionLagMs: 24 * HOUR_MS, retentionMs: 14 * 24 * HOUR_MS, maxRecordBytes: MAX_WRAPPED_RECORD_BYTES,
    }),
  ];
}

/** The work and bulk topic of each variant. */
export function variantTopics({ prefix, partitions }: TopologyOptions, variants: { model: string; precision: string; pool?: string }[]): TopicSpec[] {
  return variants.flatMap((variant) =>
    (['interactive', 'bulk'] as const).map((lane): TopicSpec => ({
      name: workTopicName(prefix, lane, variant),
      producer: 'scheduler', consumer: 'worker', schema: 'Work', key: 'affinity key',
      partitions, cleanup: 'delete', retentionMs: FLOW_RETENTION_MS, maxRecordBytes: MAX_INTERNAL_RECORD_BYTES, timestamps: 'append',
    })),
  );
}
