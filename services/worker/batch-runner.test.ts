import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Work } from '@tandem/schemas';
import type { Adapter } from '@tandem/shared/core';
import { TandemError } from '@tandem/shared/errors';
import type { Invocation, LoadedVariant } from '@tandem/shared/engine';
import { runBatch, type BatchSink } from './batch-runner.ts';
import type { PendingWork } from './pending-work.ts';
import { ServedVariant } from './served-variant.ts';

/** Gives each request its number back. */
const adapter = {
  name: 'echo',
  dimensions: (_graph: string, batch: readonly Work[]) => ({ batch: batch.length }),
  encode(_graph: string, batch: readonly Work[], inputs: Record<string, { data: number[] }>) {
    batch.forEach(({ task }, row) => (inputs['x']!.data[row] = task.input as number));
  },
  decode: (_graph: string, batch: readonly Work[], outputs: Record<string, { data: number[] }>) =>
    batch.map((_, row) => ({ items: [outputs['y']!.data[row]!], scores: [1] })),
} as unknown as Adapter;

/** Runs batches of numbers; `fault` says what a batch ends with, if not well. */
function harness(fault: (ids: readonly number[], run: number) => Error | undefined) {
  const runs: number[][] = [];
  const prepare = async (): Promise<Invocation> => {
    const data: number[] = [];
    const run = async () => {
      runs.push([...data]);
      const error = fault(data, runs.length);
      if (error !== undefined) throw error;
      return { outputs: { y: { dims: [data.length], data: data as unknown as Float32Array } }, computeMs: 1 };
    };
    return { inputs: { x: { dims: [], data: data as unknown as Float32Array } }, run, release: () => undefined };
  };
  const variant = { model: 'm', precision: 'fp32' };
  const served = new ServedVariant({ variant, prepare } as unknown as LoadedVariant, adapter);
  const answers = new Map<number, unknown>();
  const idOf = ({ work }: PendingWork) => work.task.input as number;
  const sink: BatchSink = {
    completed: (pending, { results }) => pending.forEach((one, row) => answers.set(idOf(one), results[row])),
    failed: (pending, error) => answers.set(idOf(pending), error),
    handedBack: (pending, _error, failed) => pending.forEach((one) => answers.set(idOf(one), failed ? 'handed back after a failure' : 'handed back')),
  };
  const pauses: number[] = [];
  const pause = async (durationMs: number) => void pauses.push(durationMs);
  const run = async (ids: readonly number[]) => {
    const batch = ids.map((input) => ({ work: { task: { input } }, served, graph: 'g' }) as unknown as PendingWork);
    await runBatch(served, batch, { background: false, maxThreadLosses: 2, pause }, sink);
  };
  return { run, runs, answers, pauses };
}

const ids = (count: number) => Array.from({ length: count }, (_, index) => index);
const ownResult = (id: number) => ({ items: [id], scores: [1] });
const poison = (bad: ReadonlySet<number>) => (batch: readonly number[]) =>
  batch.some((id) => bad.has(id)) ? new TandemError('bad input', { code: 'inference_failed' }) : undefined;

test('one poison in 64 costs at most 2·log₂(64) + 1 runs; its mates get their own results', async () => {
  for (const bad of [0, 31, 32, 63]) {
    const { run, runs, answers } = harness(poison(new Set([bad])));
    await run(ids(64));
    expect(runs.length).toBeLessThanOrEqual(13);
    expect(answers.get(bad)).toMatchObject({ code: 'inference_failed' });
    for (const id of ids(64)) if (id !== bad) expect(answers.get(id)).toEqual(ownResult(id));
  }
});

test('64 poisons in 64 cost at most 127 runs', async () => {
  const { run, runs, answers } = harness(poison(new Set(ids(64))));
  await run(ids(64));
  expect(runs.length).toBeLessThanOrEqual(127);
  expect([...answers.values()].filter((answer) => answer instanceof TandemError)).toHaveLength(64);
});

test('whatever the poisons, each request is answered once, mates with their own results, within the bounds', async () => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 64 }), fc.array(fc.nat(63)), async (size, chosen) => {
    const bad = new Set(chosen.filter((id) => id < size));
    const { run, runs, answers } = harness(poison(bad));
    await run(ids(size));
    expect(answers.size).toBe(size);
    for (const id of ids(size)) expect(answers.get(id) instanceof TandemError).toBe(bad.has(id));
    for (const id of ids(size)) if (!bad.has(id)) expect(answers.get(id)).toEqual(ownResult(id));
    expect(runs.length).toBeLessThanOrEqual(Math.min(2 * size - 1, 1 + 2 * bad.size * Math.ceil(Math.log2(size))));
  }));
});

const lost = new TandemError('died', { code: 'engine_thread_lost', retryable: true });
const hung = new TandemError('hangs', { code: 'thread_hung', retryable: true });

test('one that kills every thread it meets costs few threads', async () => {
  const { run, runs, answers } = harness((batch) => (batch.includes(5) ? lost : undefined));
  await run(ids(64));
  expect(answers.get(5)).toBe(lost);
  expect(answers.get(6)).toEqual(ownResult(6));
  // Three of the whole, one of each part above it, three alone.
  expect(runs.filter((batch) => batch.includes(5))).toHaveLength(3 + 5 + 3);
});

test('one that hangs every thread costs fewer still: a hang is tried again once', async () => {
  const { run, runs, answers } = harness((batch) => (batch.includes(5) ? hung : undefined));
  await run(ids(8));
  expect(answers.get(5)).toBe(hung);
  expect(runs.filter((batch) => batch.includes(5))).toHaveLength(2 + 2 + 2);
});

test('a thread lost for no fault of the batch is made good by the retry', async () => {
  const { run, runs, answers } = harness((_, nth) => (nth === 1 ? lost : undefined));
  await run(ids(8));
  expect(runs).toHaveLength(2);
  expect(answers.get(3)).toEqual(ownResult(3));
});

const memory = new TandemError('bad_alloc', { code: 'inference_out_of_memory', retryable: true });

test('a batch that is too large for the memory runs in halves, and nobody is blamed', async () => {
  const { run, runs, answers, pauses } = harness((batch) => (batch.length > 8 ? memory : undefined));
  await run(ids(64));
  for (const id of ids(64)) expect(answers.get(id)).toEqual(ownResult(id));
  expect(runs).toHaveLength(15);
  expect(pauses).toEqual([]);
});

test('a request alone that finds no memory is tried again after growing pauses', async () => {
  const { run, answers, pauses } = harness((_, nth) => (nth <= 2 ? memory : undefined));
  await run([7]);
  expect(answers.get(7)).toEqual(ownResult(7));
  expect(pauses).toEqual([50, 100]);
});

test('what the engine will not run is handed back whole', async () => {
  const closed = new TandemError('closed', { code: 'engine_closed' });
  const { run, runs, answers } = harness(() => closed);
  await run(ids(4));
  expect(runs).toHaveLength(1);
  expect([...answers.values()]).toEqual(new Array(4).fill('handed back'));
});

test('what hung before the engine was given up is handed back as suspicious', async () => {
  const closed = new TandemError('closed', { code: 'engine_closed' });
  const { run, answers } = harness((_, nth) => (nth <= 2 ? hung : closed));
  await run(ids(4));
  expect([...answers.values()]).toEqual(new Array(4).fill('handed back after a failure'));
});
