import { collectPath, explainPath, type Explanation } from '@tandem/shared/explain';
import type { EventLog } from '@tandem/shared/log';

/** What the page shows of a request. */
export interface ExplainedRequest {
  explanation: Explanation;
  /** Of the items of its answers, those that the catalogue has. */
  titles: Record<string, string>;
}

export interface ExplainedRequestOptions {
  log: EventLog;
  prefix: string;
  requestId: string;
  titles: ReadonlyMap<string, string>;
  /** Epoch ms. */
  now: number;
  signal: AbortSignal;
}

/** Longer ago the command line looks: it may read for longer. */
const BACK_MS = 3_600_000;

/** Undefined: there is nothing of it in the log of the last hour. */
export async function explainedRequest({ titles, now, ...options }: ExplainedRequestOptions): Promise<ExplainedRequest | undefined> {
  const path = await collectPath({ ...options, now, since: now - BACK_MS });
  if (path.length === 0) return undefined;
  const explanation = explainPath(options.requestId, path);
  const items = explanation.responses.flatMap(({ result }) => (result !== undefined && 'items' in result ? result.items : []));
  return { explanation, titles: Object.fromEntries(items.flatMap(({ itemId }) => (titles.has(itemId) ? [[itemId, titles.get(itemId) ?? '']] : []))) };
}
