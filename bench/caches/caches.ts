/**
 * What the result cache saves, and what it costs where it saves nothing. The same requests through two workers, one without
 * and one with a cache, in turn, in every round:
 *
 * - replay: fine requests of users who are as active as Zipf's law says, with the shipped large model
 * - cost: requests that are all different, with a model that computes nothing
 * - redis (with --redis URL): a second worker finds in Redis what the first has computed, and one that finds nothing there
 *
 *     npm run bench:caches -- [--rounds 5] [--requests 2000] [--users 2000] [--exponent 1] [--variant recommend-large.fp32] [--redis URL] [--only replay|cost|redis] [--json]
 */
import { parseArgs } from 'node:util';
import { createRedisCache, type Cache } from '@tandem/shared/cache';
import { seededRandom } from '@tandem/shared/random';
import { silentLogger } from '@tandem/shared/telemetry';
import { describeMachine } from '../harness/machine.ts';
import { spreadOf } from '@tandem/shared/statistics';
import { pass, type Pass } from './pass.ts';
import { replay, workRecord } from './requests.ts';
import { emptyWorker, largeWorker, type BenchWorker } from './workers.ts';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' }, requests: { type: 'string', default: '2000' }, users: { type: 'string', default: '2000' },
    exponent: { type: 'string', default: '1' }, variant: { type: 'string', default: 'recommend-large.fp32' }, redis: { type: 'string' }, only: { type: 'string', default: '' }, json: { type: 'boolean', default: false },
  },
});
const [rounds, requests, users, exponent] = [flags.rounds, flags.requests, flags.users, flags.exponent].map(Number) as [number, number, number, number];
const CATALOGUE = 3_706;
/** Without new interactions, with one before every third request, and before each. */
const INTERACTION_SHARES = [0, 1 / 3, 1];

interface Row {
  name: string;
  hitRate: number;
  computeSaved: number;
  latencyRatio: number;
  latencyRatioSpread: [number, number];
  microsecondsOff: number;
  microsecondsOn: number;
  /** Of CPU, per request, of whole rounds; negative: the cache saves more than it costs. */
  microsecondsMore: number;
  microsecondsMoreSpread: [number, number];
}

/** Both see the same requests; who goes first changes with the round. */
async function compare(name: string, off: BenchWorker, on: BenchWorker, records: (round: number, worker: BenchWorker) => ReturnType<typeof workRecord>[]): Promise<Row> {
  const pairs: { off: Pass; on: Pass }[] = [];
  for (let round = -1; round < rounds; round += 1) {
    const order = round % 2 === 0 ? [off, on] : [on, off];
    const passes = new Map<BenchWorker, Pass>();
    for (const worker of order) passes.set(worker, await pass(worker, records(round, worker)));
    // The first round warms up.
    if (round >= 0) pairs.push({ off: passes.get(off)!, on: passes.get(on)! });
  }
  const of = (figure: (pair: { off: Pass; on: Pass }) => number) => spreadOf(pairs.map(figure));
  const latency = of((pair) => pair.on.medianMs / pair.off.medianMs);
  const more = of((pair) => pair.on.cpuMicroseconds - pair.off.cpuMicroseconds);
  return {
    name,
    hitRate: of((pair) => pair.on.hits / requests).median,
    computeSaved: of((pair) => 1 - pair.on.computeMs / pair.off.computeMs).median,
    latencyRatio: latency.median, latencyRatioSpread: [latency.least, latency.most],
    microsecondsOff: of((pair) => pair.off.cpuMicroseconds).median, microsecondsOn: of((pair) => pair.on.cpuMicroseconds).median,
    microsecondsMore: more.median, microsecondsMoreSpread: [more.least, more.most],
  };
}

/** A stream goes on over the rounds; each worker reads one of its own, of the same seed. */
function streams(seed: string, interactionShare: number) {
  const readers = new Map<BenchWorker, ReturnType<typeof replay>>();
  let index = 0;
  return (_round: number, worker: BenchWorker) => {
    const stream = readers.get(worker) ?? replay({ users, exponent, interactionShare, catalogueItems: CATALOGUE }, seededRandom(7, seed));
    readers.set(worker, stream);
    return Array.from({ length: requests }, () => workRecord(stream.next().value, { index: (index += 1), variant: worker.variant, workload: worker.workload }));
  };
}

async function replayRow(interactionShare: number): Promise<Row> {
  const [off, on] = [await largeWorker(flags.variant, 'off'), await largeWorker(flags.variant, '1 hour')];
  await using _both = stopping(off, on);
  return await compare(`replay, a new interaction before ${(100 * interactionShare).toFixed(0)} % of requests`, off, on, streams(`replay ${interactionShare}`, interactionShare));
}

/** Nobody asks the same twice: what the cache costs for nothing. */
async function costRow(cache?: Cache): Promise<Row> {
  const [off, on] = [await emptyWorker('off'), await emptyWorker('1 hour', cache)];
  await using _both = stopping(off, on);
  return await compare(cache === undefined ? 'cost without a hit, nothing computed' : 'the same, every result looked for in Redis and written there', off, on, streams('cost', 1));
}

async function redisRow(url: string): Promise<Row> {
  const open = () => createRedisCache({ url, prefix: `bench-caches-${process.pid}:`, logger: silentLogger });
  await using cache = open();
  const first = await largeWorker(flags.variant, '5 minutes', cache);
  const [off, on] = [await largeWorker(flags.variant, 'off'), await largeWorker(flags.variant, '5 minutes', cache, 0)];
  await using _all = stopping(first, off, on);
  const records = streams('redis', 1);
  const seen = new Map<number, ReturnType<typeof records>>();
  let round = -1;
  for (; round < rounds; round += 1) {
    seen.set(round, records(round, on));
    await pass(first, seen.get(round)!);
  }
  return await compare('another worker’s results, from Redis', off, on, (of) => seen.get(of)!);
}

function stopping(...workers: BenchWorker[]): AsyncDisposable {
  return { [Symbol.asyncDispose]: async () => void (await Promise.all(workers.map((worker) => worker.stop()))) };
}

async function withRedis(url: string): Promise<Row[]> {
  await using cache = createRedisCache({ url, prefix: `bench-caches-${process.pid}:`, logger: silentLogger });
  return [await redisRow(url), await costRow(cache)];
}

const wanted = (name: string) => flags.only === '' || flags.only === name;
const rows: Row[] = [];
if (wanted('replay')) for (const share of INTERACTION_SHARES) rows.push(await replayRow(share));
if (wanted('cost')) rows.push(await costRow());
if (wanted('redis') && flags.redis !== undefined) rows.push(...await withRedis(flags.redis));
const report = { machine: describeMachine(), rounds, requests, users, exponent, variant: flags.variant, rows };
if (flags.json) console.log(JSON.stringify(report, null, 2));
else {
  const { cpu, cores, node, loadAverage, commit } = report.machine;
  console.log(`${cpu}, ${cores} cores, Node ${node}, ${commit}, load ${loadAverage}; ${rounds} rounds of ${requests} requests, ${users} users, exponent ${exponent}, ${flags.variant}`);
  console.table(rows.map((row) => ({
    '': row.name, 'hit rate': row.hitRate.toFixed(3), 'compute saved': row.computeSaved.toFixed(3),
    'median latency, on ÷ off': `${row.latencyRatio.toFixed(2)} (${row.latencyRatioSpread.map((ratio) => ratio.toFixed(2)).join('–')})`,
    'CPU µs, off': row.microsecondsOff.toFixed(1), 'on': row.microsecondsOn.toFixed(1),
    'more': `${row.microsecondsMore.toFixed(1)} (${row.microsecondsMoreSpread.map((us) => us.toFixed(1)).join('–')})`,
  })));
}
