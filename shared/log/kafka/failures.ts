import { messageOf, TandemError } from '../../errors/index.ts';
import { accessFailure } from './access-failures.ts';

/** What to do about a failed request. */
export type Failure = 'transient' | 'too_large' | 'refused' | 'not_authorized' | 'unknown_topic' | 'sequence';

const BY_TYPE: Readonly<Record<string, Failure>> = {
  MESSAGE_TOO_LARGE: 'too_large',
  RECORD_LIST_TOO_LARGE: 'too_large',
  UNKNOWN_TOPIC_OR_PARTITION: 'unknown_topic',
  INVALID_TOPIC_EXCEPTION: 'refused',
  INVALID_TIMESTAMP: 'refused',
  INVALID_RECORD: 'refused',
  POLICY_VIOLATION: 'refused',
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 'refused',
  TOPIC_AUTHORIZATION_FAILED: 'not_authorized',
  CLUSTER_AUTHORIZATION_FAILED: 'not_authorized',
  // The broker and the idempotent producer disagree about what was written: start with a new producer id.
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'sequence',
  INVALID_PRODUCER_EPOCH: 'sequence',
  INVALID_PRODUCER_ID_MAPPING: 'sequence',
  UNKNOWN_PRODUCER_ID: 'sequence',
  PRODUCER_FENCED: 'sequence',
};

/** Unknown failures are transient: a record that could be written must not be lost. */
export function classify(error: unknown): Failure {
  for (const type of typesOf(error)) {
    const failure = BY_TYPE[type];
    if (failure !== undefined) return failure;
  }
  return 'transient';
}

/** Whether the error, or one that caused it, is the broker's error of that name. */
export function isBrokerError(error: unknown, type: string): boolean {
  return typesOf(error).includes(type);
}

/** The broker's error names along the chain of causes, and inside collections of errors. */
function typesOf(error: unknown): string[] {
  const types: string[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < 8 && typeof current === 'object' && current !== null; depth++) {
    const { type, errors, cause } = current as { type?: unknown; errors?: unknown; cause?: unknown };
    if (typeof type === 'string') types.push(type);
    if (Array.isArray(errors)) types.push(...errors.flatMap(typesOf));
    current = cause;
  }
  return types;
}

/** Says which it is: nobody answers, or does not let this client in. */
export function unreachable(brokers: readonly string[], cause: unknown): TandemError {
  const denied = accessFailure(brokers, cause);
  if (denied !== undefined) return denied;
  const message = `Kafka at ${brokers.join(', ')} did not answer as it should (${messageOf(cause)}). Is the address right, the broker running, and TLS on (--kafka-tls) where this listener wants it?`;
  return new TandemError(message, { code: 'kafka_unreachable', retryable: true, cause });
}

export function refused(topic: string, cause: unknown): TandemError {
  return new TandemError(`Kafka refused a record for topic "${topic}": ${messageOf(cause)}`, { code: 'record_refused', cause });
}
