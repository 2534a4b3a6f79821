import { HEADER, readReplyAddress, topicName } from '@tandem/schemas';
import type { Headers } from '@tandem/shared/log';
import type { StageOutput } from '@tandem/shared/runner';

/**
 * The copy of a response for the gateway that waits for it; undefined where none does. It is sent when the response itself is
 * durable, once, and nobody waits for it: one that is lost leaves the response where it is.
 */
export function replyTo(response: StageOutput, headers: Headers, prefix: string): StageOutput | undefined {
  const address = readReplyAddress(headers[HEADER.replyTo]);
  if (address === undefined) return undefined;
  return { ...response, topic: topicName(prefix, 'replies'), partition: address.partition, key: null };
}
