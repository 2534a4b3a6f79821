/**
 * Kafka header names. Carried headers are copied by every stage from its input to its outputs,
 * so whatever a producer sets here reaches the response.
 */
export const HEADER = {
  schemaVersion: 'tandem-schema',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  replyTo: 'tandem-reply-to',
  tenant: 'tandem-tenant',
  /** Of responses: the request's id, so that a consumer can deduplicate and filter without reading the value. */
  requestId: 'tandem-request-id',
  /** Of responses: `topic/partition/offset` of the request that is answered. */
  source: 'tandem-source',
} as const;

export const CARRIED_HEADERS: readonly string[] = [
  HEADER.traceparent,
  HEADER.tracestate,
  HEADER.replyTo,
  HEADER.tenant,
];

/** Headers of a dead letter. Its value is the original bytes, its key the original key. */
export const DEAD_LETTER_HEADER = {
  sourceTopic: 'tandem-source-topic',
  sourcePartition: 'tandem-source-partition',
  sourceOffset: 'tandem-source-offset',
  stage: 'tandem-stage',
  code: 'tandem-code',
  message: 'tandem-message',
  attempts: 'tandem-attempts',
  time: 'tandem-time',
} as const;

/** The version of every message shape in this folder. A record with a higher major version is refused. */
export const SCHEMA_VERSION = '1';
