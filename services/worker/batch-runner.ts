import type { StepResult } from '@tandem/schemas';
import { TandemError, isRetryable } from '@tandem/shared/errors';
import type { PendingWork } from './pending-work.ts';
import type { ServedVariant } from './served-variant.ts';

export interface RanBatch {
  results: readonly StepResult[];
  computeMs: number;
}

export interface BatchSink {
  completed(pending: readonly PendingWork[], ran: RanBatch): void;
  failed(pending: PendingWork, error: unknown): void;
  /** The engine will not run it; another worker may. */
  handedBack(pending: readonly PendingWork[], error: TandemError): void;
}

/** Not the input's fault. */
const ENGINE_GONE = new Set(['engine_closed', 'variant_unloaded']);

/**
 * Runs a batch to its end, whatever it takes: a lost thread is retried, a failure is bisected until the one request
 * that causes it stands alone and its mates have succeeded. At most 2n − 1 runs for n requests, times the retries.
 */
export async function runBatch(served: ServedVariant, batch: readonly PendingWork[], maxThreadLosses: number, sink: BatchSink): Promise<void> {
  let ran: RanBatch;
  try {
    ran = await inferWithRetries(served, batch, maxThreadLosses);
  } catch (error) {
    if (error instanceof TandemError && ENGINE_GONE.has(error.code)) return sink.handedBack(batch, error);
    return takeApart(served, batch, maxThreadLosses, sink, error);
  }
  sink.completed(batch, ran);
}

async function takeApart(
  served: ServedVariant, batch: readonly PendingWork[], maxThreadLosses: number, sink: BatchSink, error: unknown,
): Promise<void> {
  const [first] = batch;
  if (first === undefined) return;
  if (batch.length === 1) return sink.failed(first, error);
  const middle = Math.ceil(batch.length / 2);
  await runBatch(served, batch.slice(0, middle), maxThreadLosses, sink);
  await runBatch(served, batch.slice(middle), maxThreadLosses, sink);
}

async function inferWithRetries(served: ServedVariant, batch: readonly PendingWork[], maxThreadLosses: number): Promise<RanBatch> {
  for (let losses = 0; ; losses += 1) {
    try {
      return await infer(served, batch);
    } catch (error) {
      if (!isRetryable(error) || losses >= maxThreadLosses) throw error;
    }
  }
}

async function infer({ loaded, adapter, variant }: ServedVariant, batch: readonly PendingWork[]): Promise<RanBatch> {
  const graph = batch[0]?.graph ?? '';
  const work = batch.map((pending) => pending.work);
  const invocation = await loaded.prepare(graph, adapter.dimensions(graph, work, variant));
  try {
    adapter.encode(graph, work, invocation.inputs, variant);
    const { outputs, computeMs } = await invocation.run();
    const results = adapter.decode(graph, work, outputs, variant);
    if (results.length !== batch.length) throw new Error(`adapter ${adapter.name} gave ${results.length} results for ${batch.length} requests`);
    return { results, computeMs };
  } finally {
    invocation.release();
  }
}
