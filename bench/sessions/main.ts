/** Whether sessions leak: loads, runs and unloads every shipped variant again and again, and reports the process' memory. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Variant } from '@tandem/schemas';
import { createOnnxEngine, type OnnxEngine } from '@tandem/shared/engine';
import { loadRegistry, variantName } from '@tandem/shared/registry';
import { MEBIBYTE } from '@tandem/shared/units';
import { describeMachine } from '../harness/machine.ts';
import { markdownRow, markdownTable } from '../report/markdown.ts';
import { leakOf } from './leak.ts';
import { SIZES } from './sizes.ts';

const HELP = `Loads, runs and unloads every shipped variant and reports resident memory over the cycles.

  npm run bench:sessions -- [--cycles 100] [--threads 1] [--batch 8] [--recycle-every 0] [--variants name,…] [--json FILE]

The growth is the slope over the second half of the cycles. --recycle-every replaces the inference threads after so many cycles.
`;

const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));

const { values: flags } = parseArgs({
  options: {
    cycles: { type: 'string', default: '100' }, threads: { type: 'string', default: '1' }, batch: { type: 'string', default: '8' },
    'recycle-every': { type: 'string', default: '0' }, variants: { type: 'string' }, json: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false },
  },
});
const threads = Number(flags.threads);
const recycleEvery = Number(flags['recycle-every']);

/** Of the whole process, after a collection where the runtime allows one. */
function residentMb(): number {
  globalThis.gc?.();
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? process.memoryUsage.rss() / 1_024) / 1_024;
}

async function cycle(engine: OnnxEngine, variant: Variant): Promise<void> {
  const loaded = await engine.load(variant);
  for (const graph of Object.keys(variant.graphs)) {
    const invocation = await loaded.prepare(graph, { ...SIZES, batch: Number(flags.batch) });
    for (const [name, { data }] of Object.entries(invocation.inputs)) if (name !== 'pool' && name !== 'pastLength') data.fill(1);
    await invocation.run();
    invocation.release();
  }
  await loaded.unload();
}

async function recycleAll(engine: OnnxEngine): Promise<void> {
  for (let index = 0; index < threads; index += 1) await engine.recycleThread(index);
}

/** An engine of its own for each variant: what one leaves behind is not the next one's. */
async function measure(variant: Variant) {
  await using engine = createOnnxEngine({ modelsDirectory: MODELS, threads });
  const residentMbByCycle: number[] = [];
  for (let index = 1; index <= Number(flags.cycles); index += 1) {
    await cycle(engine, variant);
    if (recycleEvery > 0 && index % recycleEvery === 0) await recycleAll(engine);
    residentMbByCycle.push(residentMb());
  }
  const fileMb = Object.values(variant.graphs).reduce((sum, { bytes }) => sum + bytes, 0) / MEBIBYTE;
  return { variant: variantName(variant), fileMb, residentMbByCycle, ...leakOf(residentMbByCycle) };
}

type Measured = Awaited<ReturnType<typeof measure>>;

function cells({ variant, fileMb, firstMb, middleMb, lastMb, growthKbPerCycle }: Measured): string[] {
  return [variant, fileMb.toFixed(2), ...[firstMb, middleMb, lastMb].map((mb) => mb.toFixed(0)), growthKbPerCycle.toFixed(0)];
}

/** Each row as soon as it is known: all of them take long. */
async function main(): Promise<void> {
  const { variants } = await loadRegistry(MODELS);
  const wanted = flags.variants?.split(',');
  const machine = describeMachine();
  console.log(`${machine.cpu}, ${machine.cores} cores; Node ${machine.node}, onnxruntime ${machine.onnxruntime}; ${flags.cycles} cycles, ${threads} threads, load average ${machine.loadAverage}`);
  console.log(markdownTable({ head: ['variant', 'files MiB', 'after 1 cycle MiB', 'half-way', 'at the end', 'growth KiB/cycle'], rows: [] }));
  const results: Measured[] = [];
  for (const variant of variants.filter((variant) => wanted?.includes(variantName(variant)) ?? true)) {
    const measured = await measure(variant);
    results.push(measured);
    console.log(markdownRow(cells(measured)));
  }
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify({ machine, flags, results }, null, 1)}\n`);
}

if (flags.help) process.stdout.write(HELP);
else await main();
