import { HEADER, topicName, type Response } from '@tandem/schemas';
import type { EventLog } from '@tandem/shared/log';

const PATIENCE_MS = 3_000;

/** Where in the log a response is to be looked for: the partition of the request's key, from the time on when it was accepted. */
export interface Place {
  partition: number;
  /** Epoch ms. */
  since: number;
}

/** Goes into the address of an answer, so that any gateway finds it without a cache. */
export function writePlace({ partition, since }: Place): string {
  return `${partition}.${since}`;
}

export function readPlace(text: string | undefined): Place | undefined {
  const [, partition, since] = /^(\d{1,4})\.(\d{1,16})$/.exec(text ?? '') ?? [];
  return partition === undefined ? undefined : { partition: Number(partition), since: Number(since) };
}

/** The responses are the record: reads them from the place on, by their headers, for three seconds at most. */
export async function lookUpResponse(log: EventLog, prefix: string, flowId: string, { partition, since }: Place): Promise<Response | undefined> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  for await (const records of log.read({ topic: topicName(prefix, 'responses'), partition, from: { timestamp: since }, signal })) {
    const found = records.findLast(({ headers, value }) => headers[HEADER.requestId] === flowId && value !== null);
    if (found?.value) return JSON.parse(found.value.toString('utf8')) as Response;
  }
  return undefined;
}
