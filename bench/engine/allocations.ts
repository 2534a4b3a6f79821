/**
 * What a request through the engine leaves on the main thread's heap: bytes allocated over 100,000 requests, counted between two
 * looks at a young generation that is large enough to need no collection in between.
 *
 *     node --expose-gc --min-semi-space-size=512 --max-semi-space-size=512 bench/engine/allocations.ts [--requests 100000] [--json]
 */
import { readFileSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { GraphSpec, Variant } from '@tandem/schemas';
import { createOnnxEngine, type LoadedVariant } from '@tandem/shared/engine';

const FIXTURES = fileURLToPath(new URL('../../shared/engine/fixtures/', import.meta.url));
const WARM_UP_CALLS = 3_000;
const { values: flags } = parseArgs({ options: { requests: { type: 'string', default: '100000' }, json: { type: 'boolean', default: false } } });

let collections = 0;
new PerformanceObserver((list) => (collections += list.getEntries().length)).observe({ entryTypes: ['gc'] });

async function calls(loaded: LoadedVariant, count: number, batch: number): Promise<void> {
  for (let call = 0; call < count; call += 1) {
    const invocation = await loaded.prepare('double', { batch, length: 8 });
    const { data } = invocation.inputs['x']!;
    for (let index = 0; index < data.length; index += 1) data[index] = index & 7;
    await invocation.run();
    invocation.release();
  }
}

async function measure(loaded: LoadedVariant, batch: number) {
  await calls(loaded, WARM_UP_CALLS, batch);
  globalThis.gc?.();
  const count = Math.ceil(Number(flags.requests) / batch);
  let bytes = 0;
  const before = collections;
  // In parts: each has to fit into the young generation.
  for (let left = count; left > 0; left -= 10_000) {
    globalThis.gc?.();
    const { heapUsed } = process.memoryUsage();
    await calls(loaded, Math.min(left, 10_000), batch);
    bytes += process.memoryUsage().heapUsed - heapUsed;
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  const own = Math.ceil(count / 10_000);
  return { batch, calls: count, bytesPerCall: Math.round(bytes / count), bytesPerRequest: Math.round(bytes / (count * batch)), unwantedCollections: Math.max(0, collections - before - own) };
}

if (globalThis.gc === undefined) throw new Error('run it with --expose-gc --min-semi-space-size=512 --max-semi-space-size=512');
const graphs = JSON.parse(readFileSync(`${FIXTURES}graphs.json`, 'utf8')) as Record<string, GraphSpec>;
const double: Variant = {
  model: 'double', precision: 'fp32', version: '1', status: 'stable', adapter: 'none', limits: {}, lineage: {}, graphs: { double: graphs['double']! },
  accuracy: { metric: 'none', value: 1, others: {}, data: 'none', date: 'none' },
};
await using engine = createOnnxEngine({ modelsDirectory: FIXTURES, threads: 1 });
const loaded = await engine.load(double);
const results = [];
for (const batch of [1, 8, 32]) results.push(await measure(loaded, batch));
if (flags.json) console.log(JSON.stringify(results));
else console.table(results);
