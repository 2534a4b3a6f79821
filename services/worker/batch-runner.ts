import { TandemError } from '@tandem/shared/errors';
import { sessionsOf, type BatchPart, type RanBatch } from './batch-part.ts';
import type { PendingWork } from './pending-work.ts';
import type { ServedVariant } from './served-variant.ts';

export interface BatchSink {
  completed(pending: readonly PendingWork[], ran: RanBatch): void;
  failed(pending: PendingWork, error: unknown): void;
  /** The engine will not run it; another worker may. `failed`: it did, and something went wrong, perhaps because of these. */
  handedBack(pending: readonly PendingWork[], error: TandemError, failed: boolean): void;
}

export interface RunRules {
  /** How often a batch whose thread died is run again before it is taken apart. */
  maxThreadLosses: number;
  pause(durationMs: number): Promise<void>;
  /** On the engine's threads that give way to all others. */
  background: boolean;
}

/** Not the input's fault. */
const ENGINE_GONE: ReadonlySet<string> = new Set(['engine_closed', 'variant_unloaded']);
/** Each costs a thread and its whole bound in time: one may be bad luck. */
const MAX_HANGS = 1;
/** Of a request alone: memory may be short because of others. */
const MAX_OUT_OF_MEMORY = 3;
const FIRST_PAUSE_MS = 50;

/** One batch on its way through. */
interface Run {
  served: ServedVariant;
  rules: RunRules;
  sink: BatchSink;
  /** Of any part of it. */
  failures: number;
}

/**
 * Runs a batch to its end, whatever it takes: a lost or hung thread is retried, a failure is bisected until the one
 * request that causes it stands alone and its mates have succeeded. One failing request in n costs at most
 * 2·log₂(n) + 1 runs, and n of them 2n − 1. Retries come on top: for the whole batch and for a request that stands
 * alone, not for the parts between, which are taken apart at once.
 *
 * Requests whose users have cached prefixes run on them, once: whatever fails there runs again without, and costs one run more.
 */
export async function runBatch(served: ServedVariant, batch: readonly PendingWork[], rules: RunRules, sink: BatchSink): Promise<void> {
  const run: Run = { served, rules, sink, failures: 0 };
  for (let left = batch; left.length > 0;) {
    const { parts, later } = served.prefixes?.admit(left) ?? { parts: [{ pending: left }], later: [] };
    await runParts(run, parts);
    left = later;
  }
}

async function runParts(run: Run, parts: readonly BatchPart<PendingWork>[]): Promise<void> {
  const waiting = [...parts];
  try {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) await runFirst(run, part);
  } finally {
    for (const { abandon } of waiting) abandon?.();
  }
}

async function runFirst(run: Run, { pending, infer: cached, blame }: BatchPart<PendingWork>): Promise<void> {
  if (cached === undefined) return runPart(run, pending, true);
  let ran: RanBatch;
  try {
    ran = await cached(run.rules.background);
  } catch (error) {
    if (isEngineGone(error)) return run.sink.handedBack(pending, error, run.failures > 0);
    const before = run.failures;
    run.failures += 1;
    await runPart(run, pending, true);
    if (run.failures === before + 1) blame?.(error);
    return;
  }
  run.sink.completed(pending, ran);
}

async function runPart(run: Run, part: readonly PendingWork[], patient: boolean): Promise<void> {
  let ran: RanBatch;
  try {
    ran = await inferWithRetries(run, part, patient);
  } catch (error) {
    if (isEngineGone(error)) return run.sink.handedBack(part, error, run.failures > 0);
    run.failures += 1;
    return takeApart(run, part, error);
  }
  run.sink.completed(part, ran);
}

function isEngineGone(error: unknown): error is TandemError {
  return error instanceof TandemError && ENGINE_GONE.has(error.code);
}

async function takeApart(run: Run, part: readonly PendingWork[], error: unknown): Promise<void> {
  const [first] = part;
  if (first === undefined) return;
  if (part.length === 1) return run.sink.failed(first, error);
  const middle = Math.ceil(part.length / 2);
  for (const half of [part.slice(0, middle), part.slice(middle)]) await runPart(run, half, half.length === 1);
}

async function inferWithRetries(run: Run, batch: readonly PendingWork[], patient: boolean): Promise<RanBatch> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await infer(run.served, batch, run.rules.background);
    } catch (error) {
      if (!patient || failures >= retriesOf(error, batch.length, run.rules)) throw error;
      run.failures += 1;
      if (isOutOfMemory(error)) await run.rules.pause(FIRST_PAUSE_MS * 2 ** failures);
    }
  }
}

function retriesOf(error: unknown, size: number, { maxThreadLosses }: RunRules): number {
  // A smaller batch needs less.
  if (isOutOfMemory(error)) return size === 1 ? MAX_OUT_OF_MEMORY : 0;
  if (!(error instanceof TandemError) || !error.retryable) return 0;
  return error.code === 'thread_hung' ? Math.min(MAX_HANGS, maxThreadLosses) : maxThreadLosses;
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof TandemError && error.code === 'inference_out_of_memory';
}

async function infer({ loaded, adapter, variant }: ServedVariant, batch: readonly PendingWork[], background: boolean): Promise<RanBatch> {
  const graph = batch[0]?.graph ?? '';
  const work = batch.map((pending) => pending.work);
  const invocation = await sessionsOf(loaded, background).prepare(graph, adapter.dimensions(graph, work, variant));
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
