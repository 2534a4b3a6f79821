/**
 * How many inference threads, and threads inside an inference, pay: requests per second through the engine with every thread kept
 * busy, and the CPU time of one, for each pair that fits the cores. Interleaved rounds; medians and spread. Set --threads and
 * --intra-op-threads by it.
 *
 *     node bench/engine/thread-counts.ts [--variant recommend-large.int8] [--batch 8] [--rounds 7] [--millis 500] [--json]
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createOnnxEngine, type LoadedVariant } from '@tandem/shared/engine';
import { loadRegistry, variantName } from '@tandem/shared/registry';
import { describeMachine } from '../harness/machine.ts';
import { median, spreadOf } from '@tandem/shared/statistics';

const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));
const SIZES: Readonly<Record<string, number>> = { length: 64, candidates: 100, excluded: 1 };

const { values: flags } = parseArgs({
  options: {
    variant: { type: 'string', default: 'recommend-large.int8' }, batch: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '7' }, millis: { type: 'string', default: '500' }, json: { type: 'boolean', default: false },
  },
});
const batch = Number(flags.batch);

interface Sample {
  perSecond: number;
  cpuUs: number;
}

/** One call more in flight than threads, as a worker keeps them. */
async function measure(loaded: LoadedVariant, graph: string, threads: number, durationMs: number): Promise<Sample> {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  let calls = 0;
  await Promise.all(Array.from({ length: threads + 1 }, async () => {
    for (; performance.now() - startedAt < durationMs; calls += 1) {
      const invocation = await loaded.prepare(graph, { ...SIZES, batch });
      for (const { data } of Object.values(invocation.inputs)) for (let index = 0; index < data.length; index += 1) data[index] = (index * 7) % 5 + 1;
      await invocation.run();
      invocation.release();
    }
  }));
  const { user, system } = process.cpuUsage(cpu);
  return { perSecond: (calls * batch * 1_000) / (performance.now() - startedAt), cpuUs: (user + system) / (calls * batch) };
}

function pairs(cores: number): { threads: number; intraOpThreads: number }[] {
  const powers = Array.from({ length: Math.floor(Math.log2(cores)) + 1 }, (_, exponent) => 2 ** exponent);
  return powers.flatMap((threads) => powers.filter((intraOpThreads) => threads * intraOpThreads <= cores).map((intraOpThreads) => ({ threads, intraOpThreads })));
}

async function main(): Promise<void> {
  const { variants } = await loadRegistry(MODELS);
  const variant = variants.find((known) => variantName(known) === flags.variant);
  const graph = Object.keys(variant?.graphs ?? {})[0];
  if (variant === undefined || graph === undefined) throw new Error(`models/registry.json has no ${flags.variant}`);
  const contenders = await Promise.all(pairs(availableParallelism()).map(async (pair) => {
    // Spinning threads of the others would take the cores of the one that is measured.
    const engine = createOnnxEngine({ modelsDirectory: MODELS, ...pair, spinning: false });
    return { ...pair, engine, loaded: await engine.load(variant), samples: [] as Sample[] };
  }));
  for (let round = -1; round < Number(flags.rounds); round += 1) {
    for (const { loaded, threads, samples } of contenders) {
      const sample = await measure(loaded, graph, threads, Number(flags.millis));
      if (round >= 0) samples.push(sample);
    }
  }
  for (const { engine } of contenders) await engine.close();
  const results = contenders.map(({ threads, intraOpThreads, samples }) => ({
    threads, intraOpThreads, perSecond: spreadOf(samples.map(({ perSecond }) => perSecond)), cpuUsPerRequest: median(samples.map(({ cpuUs }) => cpuUs)),
  }));
  if (flags.json) return console.log(JSON.stringify({ machine: describeMachine(), flags, results }));
  console.log(describeMachine());
  console.table(results.map(({ threads, intraOpThreads, perSecond: { median: middle, least, most }, cpuUsPerRequest }) => ({
    threads, 'intra-op threads': intraOpThreads, 'requests/s': Math.round(middle), spread: `${Math.round(least)}–${Math.round(most)}`, 'CPU µs/request': Math.round(cpuUsPerRequest),
  })));
}

await main();
