import { TandemError } from '../errors/index.ts';
import type { TopicPartition } from './types.ts';

export function recordTooLarge(topic: string, bytes: number, limit?: number): TandemError {
  const bound = limit === undefined ? 'what the broker takes' : `the topic's limit of ${limit} bytes`;
  return new TandemError(`A record of about ${bytes} bytes for topic "${topic}" is larger than ${bound}. Send less, or raise max.message.bytes.`, {
    code: 'record_too_large',
  });
}

export function unknownTopic(topic: string): TandemError {
  return new TandemError(`Topic "${topic}" does not exist. "tandem topics ensure" creates it; or is it another prefix (--prefix)?`, { code: 'unknown_topic' });
}

export function unknownPartition(topic: string, partition: number, partitions: number): TandemError {
  return new TandemError(`Topic "${topic}" has ${partitions} partitions, so there is no partition ${partition}.`, { code: 'unknown_partition' });
}

export function producerClosed(): TandemError {
  return new TandemError('The producer is closed: the record was not, or not provably, written.', { code: 'producer_closed' });
}

export function tenureOver(): TandemError {
  return new TandemError('The partition is another member\'s, or was meanwhile: the record was not, or not provably, written.', { code: 'tenure_over' });
}

export function writerFenced(name: string): TandemError {
  return new TandemError(`Another writer "${name}" has been opened since: nothing was written.`, { code: 'writer_fenced' });
}

export function writeUncertain(name: string, cause: unknown): TandemError {
  return new TandemError(`Whether writer "${name}" has written its last records is not known.`, { code: 'write_uncertain', retryable: true, cause });
}

export function logBehind({ topic, partition }: TopicPartition, barrier: number): TandemError {
  return new TandemError(`The broker asked for partition ${partition} of "${topic}" does not know offset ${barrier}, which has been written: it is out of date.`, {
    code: 'log_behind',
  });
}

export function groupActive(groupId: string): TandemError {
  return new TandemError(`Group "${groupId}" has members; its offsets can be set when they have left.`, { code: 'group_active' });
}

export function consumerClosed(): TandemError {
  return new TandemError('The consumer is closed; make a new one.', { code: 'consumer_closed' });
}

export function logClosed(): TandemError {
  return new TandemError('The log is closed.', { code: 'log_closed' });
}

export function invalidOption(message: string): TandemError {
  return new TandemError(message, { code: 'invalid_option' });
}
