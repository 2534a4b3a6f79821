import { DEAD_LETTER_HEADER, topicName, type ErrorCode } from '@tandem/schemas';
import type { LogRecord, OutgoingRecord } from '../log/index.ts';

/** Why a record is buried, and by whom. */
export interface DeadLetterCause {
  stage: string;
  code: ErrorCode;
  message: string;
  attempts: number;
  /** Epoch ms. */
  time: number;
}

/** Kafka counts headers as part of a record's size; a message is for people. */
const MAX_MESSAGE_CHARACTERS = 1_000;

/** Where a record stands in the log: `topic/partition/offset`. */
export function positionOf({ topic, partition, offset }: Pick<LogRecord, 'topic' | 'partition' | 'offset'>): string {
  return `${topic}/${partition}/${offset}`;
}

/**
 * The original bytes and headers, and where, why and when. Keyed by the record's position, so that a record that fails
 * again after a redelivery is one dead letter once the topic is compacted.
 */
export function deadLetter(prefix: string, record: LogRecord, cause: DeadLetterCause): OutgoingRecord {
  return {
    topic: topicName(prefix, 'dead-letters'),
    key: positionOf(record),
    value: record.value,
    headers: {
      ...record.headers,
      [DEAD_LETTER_HEADER.sourceTopic]: record.topic,
      [DEAD_LETTER_HEADER.sourcePartition]: String(record.partition),
      [DEAD_LETTER_HEADER.sourceOffset]: String(record.offset),
      ...(record.key === null ? {} : { [DEAD_LETTER_HEADER.sourceKey]: record.key }),
      [DEAD_LETTER_HEADER.stage]: cause.stage,
      [DEAD_LETTER_HEADER.code]: cause.code,
      [DEAD_LETTER_HEADER.message]: cause.message.slice(0, MAX_MESSAGE_CHARACTERS),
      [DEAD_LETTER_HEADER.attempts]: String(cause.attempts),
      [DEAD_LETTER_HEADER.time]: String(cause.time),
    },
  };
}
