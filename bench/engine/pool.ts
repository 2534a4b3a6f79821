/**
 * The pool against the bare runtime on the same cores: N threads that each run batches in a loop (A), and the engine with N threads
 * and one batch more in flight, fed from one main thread (B). Interleaved rounds; medians, and the spread of the ratio.
 *
 *     node bench/engine/pool.ts [--threads 2] [--batch 8] [--rounds 9] [--millis 500] [--json]
 */
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Variant } from '@tandem/schemas';
import { createOnnxEngine, type LoadedVariant } from '@tandem/shared/engine';
import { loadRegistry, variantName } from '@tandem/shared/registry';
import { describeMachine } from '../harness/machine.ts';
import { median, spreadOf } from '@tandem/shared/statistics';

const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));
const SUBJECTS = [
  { name: 'recommend-small.int8', graph: 'candidates', dimensions: { length: 64, excluded: 1 } },
  { name: 'recommend-large.int8', graph: 'rank', dimensions: { length: 64, candidates: 100 } },
  { name: 'recommend-large.fp32', graph: 'rank', dimensions: { length: 64, candidates: 100 } },
];
const { values: flags } = parseArgs({
  options: {
    threads: { type: 'string', default: String(availableParallelism()) }, batch: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '9' }, millis: { type: 'string', default: '500' }, json: { type: 'boolean', default: false },
  },
});
const threads = Number(flags.threads);
const batch = Number(flags.batch);
const durationMs = Number(flags.millis);

interface Subject {
  graph: string;
  dimensions: Record<string, number>;
  variant: Variant;
}

interface Sample {
  /** Requests per second. */
  perSecond: number;
  /** Of the whole process, per request. */
  cpuUs: number;
}

async function timed(run: () => Promise<number>): Promise<Sample> {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const requests = (await run()) * batch;
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: (requests * 1_000) / (performance.now() - startedAt), cpuUs: (user + system) / requests };
}

async function bareThreads({ variant, graph, dimensions }: Subject): Promise<Worker[]> {
  const spec = variant.graphs[graph]!;
  const workerData = { file: join(MODELS, spec.file), spec, dimensions: { ...dimensions, batch } };
  const workers = Array.from({ length: threads }, () => new Worker(new URL('./bare-thread.ts', import.meta.url), { workerData }));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  return workers;
}

async function bareBatches(workers: readonly Worker[]): Promise<number> {
  const counts = workers.map(async (worker) => {
    const counted = once(worker, 'message') as Promise<[number]>;
    worker.postMessage(durationMs);
    return (await counted)[0];
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

async function pooledBatches(loaded: LoadedVariant, { graph, dimensions }: Subject): Promise<number> {
  const until = performance.now() + durationMs;
  let batches = 0;
  await Promise.all(Array.from({ length: threads + 1 }, async () => {
    for (; performance.now() < until; batches += 1) {
      const invocation = await loaded.prepare(graph, { ...dimensions, batch });
      for (const { data } of Object.values(invocation.inputs)) for (let index = 0; index < data.length; index += 1) data[index] = (index * 7) % 5 + 1;
      await invocation.run();
      invocation.release();
    }
  }));
  return batches;
}

async function compare(subject: Subject) {
  await using engine = createOnnxEngine({ modelsDirectory: MODELS, threads });
  const { variant, graph } = subject;
  const loaded = await engine.load({ ...variant, graphs: { [graph]: variant.graphs[graph]! } });
  const workers = await bareThreads(subject);
  const rounds: { bare: Sample; pooled: Sample }[] = [];
  for (let round = -1; round < Number(flags.rounds); round += 1) {
    const bare = await timed(() => bareBatches(workers));
    const pooled = await timed(() => pooledBatches(loaded, subject));
    if (round >= 0) rounds.push({ bare, pooled });
  }
  // Idle by now: a thread inside the runtime must not be torn down.
  await Promise.all(workers.map((worker) => worker.terminate()));
  const ratio = spreadOf(rounds.map(({ bare, pooled }) => pooled.perSecond / bare.perSecond));
  return {
    variant: variantName(variant), batch, threads,
    barePerSecond: median(rounds.map(({ bare }) => bare.perSecond)), pooledPerSecond: median(rounds.map(({ pooled }) => pooled.perSecond)), ratio,
    ownCpuUsPerRequest: spreadOf(rounds.map(({ bare, pooled }) => pooled.cpuUs - bare.cpuUs)),
  };
}

const { variants } = await loadRegistry(MODELS);
const results: Awaited<ReturnType<typeof compare>>[] = [];
for (const { name, ...subject } of SUBJECTS) {
  const variant = variants.find((known) => variantName(known) === name);
  if (variant !== undefined) results.push(await compare({ ...subject, variant }));
}
if (flags.json) console.log(JSON.stringify({ machine: describeMachine(), flags, results }));
else {
  const range = ({ least, most }: { least: number; most: number }, digits: number) => `${least.toFixed(digits)}–${most.toFixed(digits)}`;
  console.log(describeMachine());
  console.table(results.map(({ variant, barePerSecond, pooledPerSecond, ratio, ownCpuUsPerRequest: own }) => ({
    variant, batch, threads, 'bare /s': Math.round(barePerSecond), 'pool /s': Math.round(pooledPerSecond), 'pool ÷ bare': ratio.median.toFixed(3), spread: range(ratio, 2),
    'own CPU µs/request': own.median.toFixed(1), 'its spread': range(own, 1),
  })));
}
