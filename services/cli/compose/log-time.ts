import { topicName } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import { messageOf } from '@tandem/shared/errors';
import type { Ports } from './ports.ts';

/** The first write looks for leaders and is slow, so it says little of the time. */
const WRITES = 3;

/**
 * Asks the broker for its time before any deadline is looked at: its answer to each write says when it was appended. A
 * tombstone of this instance's own heartbeat changes nothing. Whoever may not write it learns the time from its first
 * output.
 */
export async function learnLogTime({ prefix, instance }: Settings, { log, producer, logger }: Ports): Promise<void> {
  if (!log.durable) return;
  const topic = topicName(prefix, 'telemetry');
  try {
    if (!(await log.admin.listTopics()).includes(topic)) return;
    for (let write = 0; write < WRITES; write++) await producer.send([{ topic, key: instance, value: null }]);
    logger.debug({ offsetMs: log.now() - Date.now() }, 'the log tells its time');
  } catch (error) {
    logger.debug({ error: messageOf(error) }, 'the log does not tell its time yet');
  }
}
