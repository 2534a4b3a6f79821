/**
 * Which batch sizes pay: CPU time per request through the engine on one thread, by batch size, for the shipped
 * variants (CPU time, since it means something on a busy machine too; the inputs are packed anew each time).
 * Interleaved rounds; medians. The default of maxBulkBatchSize follows from it.
 *
 *     node bench/engine/batch-sizes.ts [--rounds 7] [--millis 200] [--sizes 1,8,16,32,64,128,256] [--json]
 */
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createOnnxEngine, type LoadedVariant } from '@tandem/shared/engine';
import { loadRegistry, variantName } from '@tandem/shared/registry';

const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));
const CASES = [
  { variant: 'recommend-small.fp32', graph: 'candidates', dimensions: { length: 64, excluded: 1 } },
  { variant: 'recommend-small.int8', graph: 'candidates', dimensions: { length: 64, excluded: 1 } },
  { variant: 'recommend-large.fp32', graph: 'rank', dimensions: { length: 64, candidates: 100 } },
  { variant: 'recommend-large.int8', graph: 'rank', dimensions: { length: 64, candidates: 100 } },
];

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' }, millis: { type: 'string', default: '200' },
    sizes: { type: 'string', default: '1,8,16,32,64,128,256' }, json: { type: 'boolean', default: false },
  },
});
const sizes = flags.sizes.split(',').map(Number);

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

interface Cost {
  cpuMs: number;
  /** The fastest batch. */
  wallMs: number;
}

/** Per batch, over as many as fit into the time. */
async function costOf(loaded: LoadedVariant, graph: string, dimensions: Record<string, number>): Promise<Cost> {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  let wallMs = Infinity;
  let batches = 0;
  for (; batches === 0 || performance.now() - startedAt < Number(flags.millis); batches += 1) {
    const invocation = await loaded.prepare(graph, dimensions);
    for (const { data } of Object.values(invocation.inputs)) for (let index = 0; index < data.length; index += 1) data[index] = (index * 7) % 5 + 1;
    wallMs = Math.min(wallMs, (await invocation.run()).computeMs);
    invocation.release();
  }
  const { user, system } = process.cpuUsage(cpu);
  return { cpuMs: (user + system) / 1_000 / batches, wallMs };
}

async function measure({ variant: name, graph, dimensions }: (typeof CASES)[number]) {
  const { variants } = await loadRegistry(MODELS);
  const variant = variants.find((known) => variantName(known) === name);
  if (variant === undefined) return [];
  await using engine = createOnnxEngine({ modelsDirectory: MODELS, threads: 1 });
  const loaded = await engine.load(variant);
  const rounds = new Map(sizes.map((size) => [size, [] as Cost[]]));
  for (const batch of sizes) await costOf(loaded, graph, { ...dimensions, batch });
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    for (const batch of sizes) rounds.get(batch)!.push(await costOf(loaded, graph, { ...dimensions, batch }));
  }
  return sizes.map((batch) => {
    const costs = rounds.get(batch)!;
    const cpuMs = median(costs.map((cost) => cost.cpuMs));
    const fastestMs = Math.min(...costs.map(({ wallMs }) => wallMs));
    return { variant: name, batch, 'CPU µs/request': ((cpuMs * 1_000) / batch).toFixed(1), 'fastest ms/batch': fastestMs.toFixed(2) };
  });
}

const results: Awaited<ReturnType<typeof measure>> = [];
for (const one of CASES) results.push(...(await measure(one)));
const machine = { cpu: cpus()[0]?.model, cores: cpus().length, load: loadavg()[0], node: process.version };
if (flags.json) console.log(JSON.stringify({ machine, results }));
else {
  console.log(machine);
  console.table(results);
}
