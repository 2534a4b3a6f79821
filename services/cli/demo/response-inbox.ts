import { topicName, type Response } from '@tandem/schemas';
import { jsonOf } from '@tandem/shared/core';
import type { EventLog, LogConsumer, LogRecord } from '@tandem/shared/log';

export interface InboxOptions {
  log: EventLog;
  prefix: string;
  /** The consumer group is named after it, so that every replay sees all responses. */
  run: string;
  onResponse: (response: Response) => void;
  onFault: (error: unknown) => void;
}

/** Fusion wrote it, so its shape is trusted; anything else in the topic is passed over, and so are provisional responses. */
function parse({ value }: LogRecord): Response | undefined {
  const response = jsonOf(value) as Response | null | undefined;
  return typeof response?.requestId === 'string' && response.final ? response : undefined;
}

/** Reads all final responses from now on. Close it with what is returned. */
export async function openInbox({ log, prefix, run, onResponse, onFault }: InboxOptions): Promise<LogConsumer> {
  const consumer = log.consumer({
    groupId: `${prefix}demo.${run}`,
    topics: [topicName(prefix, 'responses')],
    startFrom: 'latest',
    onRecord(delivery) {
      const response = parse(delivery.record);
      if (response !== undefined) onResponse(response);
      delivery.ack();
    },
    onFault,
  });
  await consumer.start();
  return consumer;
}
