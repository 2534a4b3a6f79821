import { DEAD_LETTER_HEADER, HEADER, topicName, type Response } from '@tandem/schemas';
import type { EventLog, LogRecord } from '@tandem/shared/log';
import type { AppendedRequest, Evidence, SeenDeadLetter, SeenResponse, SentRequest } from './check-types.ts';

/** Everything that is in the log at the time of the call, as a new reader of committed records sees it. */
export async function gatherEvidence(log: EventLog, prefix: string, sent: readonly SentRequest[]): Promise<Evidence> {
  const [requests, bulk, responses, deadLetters] = await Promise.all([
    readAll(log, topicName(prefix, 'requests'), appendedRequest),
    readAll(log, topicName(prefix, 'requests.bulk'), appendedRequest),
    readAll(log, topicName(prefix, 'responses'), seenResponse),
    readAll(log, topicName(prefix, 'dead-letters'), seenDeadLetter),
  ]);
  return { sent, appended: [...requests, ...bulk], responses, deadLetters };
}

async function readAll<Item>(log: EventLog, topic: string, read: (record: LogRecord) => Item): Promise<Item[]> {
  const items: Item[] = [];
  const tail = await log.tail({ topic, onRecord: (record) => void items.push(read(record)) });
  await tail.caughtUp;
  await tail.close();
  return items;
}

function appendedRequest({ topic, partition, offset, timestamp, value }: LogRecord): AppendedRequest {
  return { requestId: requestIdIn(value) ?? '', source: `${topic}/${partition}/${offset}`, appendedAt: timestamp, offset };
}

function seenResponse({ partition, offset, timestamp, value, headers }: LogRecord): SeenResponse {
  const { requestId, workload, userId, status, reason, error, final, result } = JSON.parse(value!.toString('utf8')) as Response;
  return {
    requestId, workload, userId, status, reason, code: error?.code, final, partition, offset, appendedAt: timestamp,
    marked: headers[HEADER.provisional] !== undefined, headerRequestId: headers[HEADER.requestId], source: headers[HEADER.source],
    items: result !== undefined && 'items' in result ? result.items.map(({ itemId }) => itemId) : undefined,
  };
}

function seenDeadLetter({ value, headers }: LogRecord): SeenDeadLetter {
  const header = (name: keyof typeof DEAD_LETTER_HEADER) => headers[DEAD_LETTER_HEADER[name]] ?? 'unknown';
  const source = `${header('sourceTopic')}/${header('sourcePartition')}/${header('sourceOffset')}`;
  return { requestId: requestIdIn(value), stage: header('stage'), code: header('code'), source };
}

/** Of a request, a task, an outcome or work: where that names its request. */
function requestIdIn(value: Buffer | null): string | undefined {
  try {
    const record = JSON.parse(value?.toString('utf8') ?? '') as { requestId?: string; task?: { requestId?: string } };
    return record.requestId ?? record.task?.requestId;
  } catch {
    return undefined;
  }
}
