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
  /** Of responses that are not final, and of no others. */
  provisional: 'tandem-provisional',
  /**
   * Of a record that was put back from the dead letters: `topic/partition/offset` where it stood first. A request goes on
   * counting as of there, so that putting it back twice is one request and not a repeated id.
   */
  replayOf: 'tandem-replay-of',
  /**
   * Of a record that a chain of stages has written to read it again, since it belongs to another partition: when the record was
   * appended that led to it, epoch ms. That one is delivered again when the process dies, and this one written again.
   */
  originTime: 'tandem-origin-time',
} as const;

/** Headers that every stage puts on what a record leads to, as they came. */
export const CARRIED_HEADERS: readonly string[] = [
  HEADER.traceparent,
  HEADER.tracestate,
  HEADER.replyTo,
  HEADER.tenant,
];

/** Headers of a dead letter. Its value is the original bytes, its key `<source topic>/<partition>/<offset>`. */
export const DEAD_LETTER_HEADER = {
  sourceTopic: 'tandem-source-topic',
  sourcePartition: 'tandem-source-partition',
  sourceOffset: 'tandem-source-offset',
  /** Decoded as UTF-8; absent where the original had no key. */
  sourceKey: 'tandem-source-key',
  stage: 'tandem-stage',
  code: 'tandem-code',
  message: 'tandem-message',
  attempts: 'tandem-attempts',
  time: 'tandem-time',
} as const;

/** Headers of a record on a retry topic, beside its own. Its value, key and partition number are the original ones. */
export const RETRY_HEADER = {
  topic: 'tandem-retry-topic',
  partition: 'tandem-retry-partition',
  offset: 'tandem-retry-offset',
  timestamp: 'tandem-retry-timestamp',
  attempts: 'tandem-retry-attempts',
  deliveries: 'tandem-retry-deliveries',
  notBefore: 'tandem-retry-not-before',
} as const;

/** Of what the log hands out for a whole batch that cannot be read, with the batch's bytes as its value: why, and which offsets. */
export const UNREADABLE_BATCH_HEADER = 'tandem-unreadable-batch';

/** The version of every message shape in this folder. A record with a higher major version is refused. */
export const SCHEMA_VERSION = '1';
