import { DEAD_LETTER_HEADER, topicName, type ErrorCode } from '@tandem/schemas';
import type { LogRecord, OutgoingRecord } from '../log/index.ts';

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

/** The original bytes and key, the original headers, and where, why and when. */
export function deadLetter(prefix: string, record: LogRecord, cause: DeadLetterCause): OutgoingRecord {
  return {
    topic: topicName(prefix, 'dead-letters'),
    key: record.key,
    value: record.value,
    headers: {
      ...record.headers,
      [DEAD_LETTER_HEADER.sourceTopic]: record.topic,
      [DEAD_LETTER_HEADER.sourcePartition]: String(record.partition),
      [DEAD_LETTER_HEADER.sourceOffset]: String(record.offset),
      [DEAD_LETTER_HEADER.stage]: cause.stage,
      [DEAD_LETTER_HEADER.code]: cause.code,
      [DEAD_LETTER_HEADER.message]: cause.message.slice(0, MAX_MESSAGE_CHARACTERS),
      [DEAD_LETTER_HEADER.attempts]: String(cause.attempts),
      [DEAD_LETTER_HEADER.time]: String(cause.time),
    },
  };
}
