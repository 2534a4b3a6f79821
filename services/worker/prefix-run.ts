import type { Variant } from '@tandem/schemas';
import type { Adapter, PrefixLease, PrefixPool, PrefixRow, PrefixRun, PrefixSupport } from '@tandem/shared/core';
import type { InvocationResult, LoadedVariant } from '@tandem/shared/engine';
import type { GraphWork, RanBatch } from './batch-part.ts';

/** What runs of prefixes need of their variant. */
export interface PrefixRunner {
  variant: Variant;
  adapter: Adapter;
  support: PrefixSupport;
  loaded: Pick<LoadedVariant, 'prepare'>;
  pool: PrefixPool;
}

/** A request and the slot that it has for this batch. */
export interface LeasedWork<T extends GraphWork = GraphWork> {
  pending: T;
  lease: PrefixLease;
}

type Answered = Pick<RanBatch, 'results' | 'computeMs'>;
type Outputs = InvocationResult['outputs'];
type Runs = NonNullable<ReturnType<PrefixSupport['runs']>>;

/** Computes whole sequences, keeps their keys and values, and answers. @throws {TandemError} of the engine; {Error} for numbers that are not finite */
export function prefill(runner: PrefixRunner, leased: readonly LeasedWork[], runs: Runs): Promise<Answered> {
  return answered(runner, runs.prefill, leased.map((one) => rowOf(one, 0)), runs);
}

/**
 * Computes what is new of each sequence, token by token, all sequences side by side: those with fewer missing join in
 * later rounds, so that the last round answers all of them. @throws as `prefill`
 */
export async function steps(runner: PrefixRunner, leased: readonly LeasedWork[], runs: Runs): Promise<Answered> {
  let earlierMs = 0;
  const rounds = leased.reduce((most, { lease }) => Math.max(most, lease.missing), 1);
  for (let left = rounds; left > 1; left -= 1) {
    const active = leased.filter(({ lease }) => lease.missing >= left);
    const rows = active.map((one) => rowOf(one, one.lease.tokens.length - left));
    earlierMs += (await execute(runner, runs.step, rows, () => undefined)).computeMs;
  }
  const last = await answered(runner, runs.lastStep, leased.map((one) => rowOf(one, one.lease.tokens.length - 1)), runs);
  return { ...last, computeMs: earlierMs + last.computeMs };
}

function rowOf({ pending, lease }: LeasedWork, position: number): PrefixRow {
  return { work: pending.work, slot: lease.slot, tokens: lease.tokens, position };
}

/** The last run, and what makes its outputs an answer. */
async function answered(runner: PrefixRunner, run: PrefixRun, rows: readonly PrefixRow[], { finish }: Runs): Promise<Answered> {
  const { adapter, variant } = runner;
  const decode = (outputs: Outputs) => adapter.decode(run.instead, rows.map(({ work }) => work), outputs, variant);
  if (finish === undefined) {
    const { used, computeMs } = await execute(runner, run, rows, decode);
    return { results: used, computeMs };
  }
  // Copied, so that no call waits for a second lease while it has one.
  const first = await execute(runner, run, rows, (outputs) => copyBut(run.kept, outputs));
  const second = await execute(runner, finish, rows, decode, first.used);
  return { results: second.used, computeMs: first.computeMs + second.computeMs };
}

function copyBut(left: string, outputs: Outputs): Outputs {
  const copied = Object.entries(outputs).filter(([name]) => name !== left);
  return Object.fromEntries(copied.map(([name, { dims, data }]) => [name, { dims, data: data.slice() }]));
}

/** One call. Its keys and values are in the pool before `use` sees the outputs, which are gone afterwards. */
async function execute<T>(
  { support, loaded, variant, pool }: PrefixRunner, run: PrefixRun, rows: readonly PrefixRow[], use: (outputs: Outputs) => T, before?: Outputs,
): Promise<{ used: T; computeMs: number }> {
  const invocation = await loaded.prepare(run.graph, support.dimensions(run, rows, variant));
  try {
    support.encode(run, rows, invocation.inputs, before);
    const { outputs, computeMs } = await invocation.run();
    if (run.kind !== 'finish') keep(pool, run, rows, outputs);
    return { used: use(outputs), computeMs };
  } finally {
    invocation.release();
  }
}

/** On the main thread, after the call has succeeded: a thread that was given up and comes back later writes nothing here. */
function keep(pool: PrefixPool, run: PrefixRun, rows: readonly PrefixRow[], outputs: Outputs): void {
  const kept = outputs[run.kept];
  if (kept === undefined) throw new Error(`graph ${run.graph} gave no ${run.kept}`);
  rows.forEach(({ slot, tokens, position }, row) => {
    const written = run.kind === 'step' ? pool.writeStep(slot, kept, row, position) : pool.writePrefix(slot, kept, row, tokens.length);
    if (!written) throw new Error(`graph ${run.graph} gave keys or values that are not finite numbers`);
  });
}
