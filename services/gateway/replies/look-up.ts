import { HEADER, topicName, type Response } from '@tandem/schemas';
import type { EventLog } from '@tandem/shared/log';
import type { FairShare } from '../limits/fair-share.ts';
import { Problem } from '../problems/problem.ts';

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

/** The responses are the record: looks for one of them there. */
export class LookUps {
  readonly #log: Pick<EventLog, 'read'>;
  readonly #prefix: string;
  readonly #share: FairShare;

  constructor(log: Pick<EventLog, 'read'>, prefix: string, share: FairShare) {
    this.#log = log;
    this.#prefix = prefix;
    this.#share = share;
  }

  /** @throws {Problem} `overload`: the callers choose how far back is read, so few read at once */
  async find(flowId: string, place: Place, tenant: string | undefined): Promise<Response | undefined> {
    const hold = this.#share.take(tenant);
    if (hold === undefined) throw new Problem('overload', { detail: 'As many look for answers in the log as may at once; try again in a moment.', retryAfterSeconds: 1 });
    try {
      return await lookUpResponse(this.#log, this.#prefix, flowId, place);
    } finally {
      hold.release();
    }
  }
}

/** Reads from the place on, by the headers, for three seconds at most. */
async function lookUpResponse(log: Pick<EventLog, 'read'>, prefix: string, flowId: string, { partition, since }: Place): Promise<Response | undefined> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  for await (const records of log.read({ topic: topicName(prefix, 'responses'), partition, from: { timestamp: since }, signal })) {
    const found = records.findLast(({ headers, value }) => headers[HEADER.requestId] === flowId && headers[HEADER.provisional] === undefined && value !== null);
    if (found?.value) return JSON.parse(found.value.toString('utf8')) as Response;
  }
  return undefined;
}
