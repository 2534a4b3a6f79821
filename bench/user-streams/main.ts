/**
 * What cached prefixes of users save: see HELP. The same requests through two worker stages, one with the cache, one
 * without, in segments that alternate, so that both see the same machine.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadRegistry, stableVariants, variantName } from '@tandem/shared/registry';
import { number, percent, share } from '../harness/format.ts';
import { describeMachine } from '../harness/machine.ts';
import { median } from '@tandem/shared/statistics';
import { MEBIBYTE } from '@tandem/shared/units';
import { MODELS, Side, type Taken } from './side.ts';
import { loadStreams, type StreamRequest, type Streams } from './streams.ts';

const HELP = `Measures what cached prefixes of users save per fine request, and that the answers stay the same.

  npm run bench:user-streams -- [--events 40000] [--precision fp32] [--ask-every 1] [--catalogue] [--cache-mb 256]
                                [--batch 32] [--in-flight 64] [--segment 500] [--seed 1] [--synthetic] [--json FILE] [--help]

Replays the demo's interleaved streams of held-out users (invented ones where the data cannot be had). Every --ask-every-th event asks for a
ranking of the small model's 100 candidates (--catalogue: of the whole catalogue). One inference thread a side.
`;

const { values: flags } = parseArgs({
  options: {
    events: { type: 'string', default: '40000' }, precision: { type: 'string', default: 'fp32' }, 'ask-every': { type: 'string', default: '1' },
    catalogue: { type: 'boolean', default: false }, 'cache-mb': { type: 'string', default: '256' }, batch: { type: 'string', default: '32' },
    'in-flight': { type: 'string', default: '64' }, segment: { type: 'string', default: '500' }, seed: { type: 'string', default: '1' },
    synthetic: { type: 'boolean', default: false }, json: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false },
  },
});
/** Scores are equal but for the order of sums, so neighbours that tie may change places. */
const TOP = 10;

interface Tally {
  taken: Taken[];
  hits: number;
}

interface Segment {
  requests: readonly StreamRequest[];
  candidates: ((index: number) => readonly number[]) | undefined;
}

if (flags.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const variants = stableVariants(await loadRegistry(MODELS));
  const variantOf = (model: string, precision: string) => {
    const found = variants.find((variant) => variant.model === model && variant.precision === precision);
    if (found === undefined) throw new Error(`--precision ${precision}: the registry has no ${model}.${precision}`);
    return found;
  };
  const large = variantOf('recommend-large', flags.precision);
  const options = { events: Number(flags.events), seed: Number(flags.seed), askEvery: Number(flags['ask-every']), synthetic: flags.synthetic };
  const streams = await loadStreams({ ...options, catalogueSize: large.catalogue?.items ?? 1 }, (text) => process.stderr.write(text));
  const common = { maxBatchSize: Number(flags.batch), inFlight: Number(flags['in-flight']) };
  const small = await new Side({ ...common, variant: variantOf('recommend-small', 'int8'), prefixCacheBytes: 0 }).start();
  const cached = await new Side({ ...common, variant: large, prefixCacheBytes: Number(flags['cache-mb']) * MEBIBYTE }).start();
  const plain = await new Side({ ...common, variant: large, prefixCacheBytes: 0 }).start();
  try {
    await measure(streams, { small, cached, plain }, variantName(large));
  } finally {
    for (const side of [small, cached, plain]) await side.stop();
  }
}

async function measure(streams: Streams, sides: { small: Side; cached: Side; plain: Side }, name: string): Promise<void> {
  const tallies = { cached: { taken: [], hits: 0 } as Tally, plain: { taken: [], hits: 0 } as Tally };
  const size = Number(flags.segment);
  let [same, sameSet] = [0, 0];
  for (let from = 0; from < streams.requests.length; from += size) {
    const requests = streams.requests.slice(from, from + size);
    const candidates = flags.catalogue ? undefined : await candidatesOf(sides.small, requests);
    const lists = { cached: [] as (readonly number[])[], plain: [] as (readonly number[])[] };
    const order = (from / size) % 2 === 0 ? (['cached', 'plain'] as const) : (['plain', 'cached'] as const);
    for (const side of order) lists[side] = await runSide(sides[side], tallies[side], { requests, candidates });
    requests.forEach((_, index) => {
      const [a, b] = [lists.cached[index]!, lists.plain[index]!];
      same += a.join() === b.join() ? 1 : 0;
      sameSet += a.toSorted((x, y) => x - y).join() === b.toSorted((x, y) => x - y).join() ? 1 : 0;
    });
  }
  report(streams, sides.cached, tallies, { same, sameSet }, name);
}

async function candidatesOf(small: Side, requests: readonly StreamRequest[]): Promise<(index: number) => readonly number[]> {
  const lists: (readonly number[])[] = [];
  await small.run(requests, undefined, (index, items) => (lists[index] = items));
  return (index) => lists[index]!;
}

async function runSide(side: Side, tally: Tally, { requests, candidates }: Segment): Promise<(readonly number[])[]> {
  const lists: (readonly number[])[] = [];
  const taken = await side.run(requests, candidates, (index, items) => {
    lists[index] = items;
    tally.hits += items.slice(0, TOP).includes(requests[index]!.target) ? 1 : 0;
  });
  tally.taken.push(taken);
  return lists;
}

/** Per request: of all segments together, and the median of the segments in the second half, when every user has been seen. */
function perRequest(taken: readonly Taken[], what: 'inferenceMs' | 'computeCpuMs' | 'mainCpuMs') {
  const all = taken.reduce((sum, one) => sum + one[what], 0) / taken.reduce((sum, one) => sum + one.requests, 0);
  return { all, warm: median(taken.slice(Math.floor(taken.length / 2)).map((one) => one[what] / one.requests)) };
}

function meanBatchSize(taken: readonly Taken[]): number {
  return taken.reduce((sum, one) => sum + one.requests, 0) / taken.reduce((sum, one) => sum + one.batches, 0);
}

function report(streams: Streams, cached: Side, tallies: { cached: Tally; plain: Tally }, equal: { same: number; sameSet: number }, name: string): void {
  const count = streams.requests.length;
  const { hits, misses, bypassed, steps, savedTokens, evictions, bytes } = cached.used;
  const figures = {
    variant: name, data: streams.description, requests: count, users: streams.users, options: flags, machine: describeMachine(),
    inferenceMs: { without: perRequest(tallies.plain.taken, 'inferenceMs'), with: perRequest(tallies.cached.taken, 'inferenceMs') },
    computeCpuMs: { without: perRequest(tallies.plain.taken, 'computeCpuMs'), with: perRequest(tallies.cached.taken, 'computeCpuMs') },
    mainCpuMs: { without: perRequest(tallies.plain.taken, 'mainCpuMs'), with: perRequest(tallies.cached.taken, 'mainCpuMs') },
    meanBatchSize: { without: meanBatchSize(tallies.plain.taken), with: meanBatchSize(tallies.cached.taken) },
    requestsABatch: { steps: hits / cached.prefixBatches.hits, built: misses / cached.prefixBatches.misses },
    clockMs: { step: cached.prefixMs.hits / hits, built: cached.prefixMs.misses / misses },
    hitRate: hits / count, misses, bypassed, stepsPerHit: steps / hits, savedTokens, savedTokensPerRequest: savedTokens / count, evictions, bytes,
    sameTen: equal.same / count, sameTenUnordered: equal.sameSet / count,
    hitRateAt10: streams.judged ? { without: tallies.plain.hits / count, with: tallies.cached.hits / count } : undefined,
  };
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(figures, undefined, 2)}\n`);
  const { machine, inferenceMs, computeCpuMs, mainCpuMs, hitRateAt10 } = figures;
  const row = (label: string, { without, with: cachedMs }: typeof inferenceMs, which: 'all' | 'warm') =>
    `| ${label} | ${number(without[which])} | ${number(cachedMs[which])} | ${number(without[which] / cachedMs[which])} |`;
  process.stdout.write([
    `${name}, ${count} requests of ${streams.users} users, ${streams.description}; ${machine.cpu}, ${machine.cores} cores, load ${machine.loadAverage}, ${machine.commit}`,
    '', '| ms per request | without | with | ratio |', '| --- | --- | --- | --- |',
    row('compute, CPU: all requests', computeCpuMs, 'all'), row('compute, CPU: second half (median of segments)', computeCpuMs, 'warm'),
    row('inference, by the clock: all', inferenceMs, 'all'), row('inference, by the clock: second half', inferenceMs, 'warm'),
    row('main thread, CPU: all', mainCpuMs, 'all'), row('main thread, CPU: second half', mainCpuMs, 'warm'), '',
    `requests a batch: ${number(figures.meanBatchSize.without)} without, ${number(figures.meanBatchSize.with)} with (${number(figures.requestsABatch.steps)} of steps, ${number(figures.requestsABatch.built)} of prefixes to be built)`,
    `inference by the clock: ${number(figures.clockMs.step * 1_000)} µs a request that goes on from a prefix, ${number(figures.clockMs.built * 1_000)} µs one whose prefix is built`,
    `hits ${percent(figures.hitRate)}, built ${misses}, bypassed ${bypassed}, evictions ${evictions}, ${number(bytes / MEBIBYTE)} MiB`,
    `${number(figures.stepsPerHit)} steps a hit, ${number(figures.savedTokensPerRequest)} tokens a request saved (${number(savedTokens)} in all)`,
    hitRateAt10 === undefined ? 'HR@10: not measured on invented users' : `HR@10 ${share(hitRateAt10.without)} without, ${share(hitRateAt10.with)} with`,
    `the same ten items in the same order: ${percent(figures.sameTen)}; in any order: ${percent(figures.sameTenUnordered)}`, '',
  ].join('\n'));
}
