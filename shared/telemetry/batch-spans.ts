import type { RecordSpan } from './tracing.ts';

/** What the span of a batch says. */
export interface TracedBatch {
  /** `model.precision` */
  variant: string;
  /** Requests, also those that are not sampled. */
  size: number;
  /** Longest among its requests, ms. */
  queueMs: number;
  computeMs: number;
}

/**
 * One span for a batch, with a link to each of its requests that is sampled, and in each of those a span of the time in the
 * model, with a link to the batch. The batch's own lies in the trace of the first of them.
 * @param endedAt epoch ms
 */
export function traceBatch(spans: readonly (RecordSpan | undefined)[], { variant, size, queueMs, computeMs }: TracedBatch, endedAt = Date.now()): void {
  const sampled = spans.filter((span) => span?.recording === true) as RecordSpan[];
  const [first] = sampled;
  if (first === undefined) return;
  const startedAt = endedAt - computeMs;
  const attributes = { 'tandem.variant': variant, 'tandem.batch.size': size };
  const batch = first.child(`batch ${variant}`, { startedAt, isLinkedTo: true, links: sampled.map(({ context }) => context), attributes: { ...attributes, 'tandem.batch.queue_ms': queueMs } });
  // Before those that link to it: what is out links to nothing that may be lost.
  batch.end(undefined, endedAt);
  for (const span of sampled) span.child(`model ${variant}`, { startedAt, links: [batch.context], attributes }).end(undefined, endedAt);
}
