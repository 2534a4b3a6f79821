/** Iteration-level continuous batching of slates against static batches and one at a time: see HELP. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import { poissonArrivals, seededRandom } from '@tandem/shared/random';
import { number, percent, spread } from '../harness/format.ts';
import { describeMachine } from '../harness/machine.ts';
import { quantile, spreadOf, type Spread } from '@tandem/shared/statistics';
import { openLoop, saturate, type Contender, type Taken } from './contender.ts';
import { MIXES, RequestSource, type MixName, type SlateRequest } from './requests.ts';
import { MODELS, StageContender } from './stage-contender.ts';
import { StaticContender } from './static-batches.ts';

const HELP = `Measures decoding of slates: continuous batching, static batches, one at a time; drafts; kinds of cache.

  npm run bench:generate -- [--requests 256] [--rounds 5] [--batch 32] [--threads 1] [--mix even,mixed,skewed]
                            [--load 0.7] [--seed 1] [--synthetic] [--skip-open-loop] [--json FILE] [--help]

Same model, engine and cache memory for all; greedy. Contenders take turns within each round. First all requests at once: items a second of
time and of CPU. Then requests at random moments, at --load times what padded static batches can do: p50 and p99.
`;

const { values: flags } = parseArgs({
  options: {
    requests: { type: 'string', default: '256' }, rounds: { type: 'string', default: '5' }, batch: { type: 'string', default: '32' },
    threads: { type: 'string', default: '1' }, mix: { type: 'string', default: 'even,mixed,skewed' }, load: { type: 'string', default: '0.7' },
    seed: { type: 'string', default: '1' }, synthetic: { type: 'boolean', default: false }, 'skip-open-loop': { type: 'boolean', default: false },
    json: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false },
  },
});

const [ROUNDS, SIZE, THREADS] = [Number(flags.rounds), Number(flags.batch), Number(flags.threads)];

interface Figures {
  itemsPerSecond: Spread;
  itemsPerCpuSecond: Spread;
  /** Of continuous batching's in the same round. */
  continuousGains: Spread;
}

interface OpenLoopFigures {
  p50Ms: number;
  p99Ms: number;
}

if (flags.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  const variant = stableVariants(await loadRegistry(MODELS)).find(({ model }) => model === 'recommend-decoder');
  if (variant === undefined) throw new Error('the registry has no stable recommend-decoder');
  const source = await RequestSource.open({ seed: Number(flags.seed), synthetic: flags.synthetic, catalogueSize: variant.catalogue?.items ?? 1 });
  const stage = (name: string, decoding: Parameters<typeof StageContender.start>[3]) => StageContender.start(name, variant, THREADS, { maxBatchSize: SIZE, ...decoding });
  const continuous = await stage('continuous', {});
  const batching: Contender[] = [
    continuous, await StaticContender.start('static, padded', variant, THREADS, { size: SIZE, padded: true }),
    await StaticContender.start('static, done ones leave', variant, THREADS, { size: SIZE, padded: false }), await stage('one at a time', { maxBatchSize: 1 }),
  ];
  const kinds = [continuous, await stage('fp16 cache', { cacheFormat: 'fp16' }), await stage('int8 cache', { cacheFormat: 'int8' })];
  const drafting = [continuous, await stage('1 draft', { draftTokens: 1 }), await stage('2 drafts', { draftTokens: 2 }), await stage('4 drafts', { draftTokens: 4 })];
  try {
    const figures = {
      machine: describeMachine(), data: source.description, options: flags, batching: await compareBatching(source, batching),
      caches: await compare(kinds, source.requests('mixed', Number(flags.requests))), ...(await compareDrafts(source, drafting)),
      meanBatchSize: continuous.counts.calls.sequences / continuous.counts.calls.count,
    };
    if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(figures, undefined, 2)}\n`);
  } finally {
    for (const contender of new Set([...batching, ...kinds, ...drafting])) await contender.stop();
  }
}

async function compareBatching(source: RequestSource, contenders: readonly Contender[]): Promise<Record<string, unknown>> {
  const { cpu, cores, loadAverage, commit } = describeMachine();
  say(`${source.description}; ${cpu}, ${cores} cores, load ${loadAverage}, ${commit}; batches up to ${SIZE}, ${THREADS} inference thread(s), ${ROUNDS} rounds`);
  const all: Record<string, unknown> = {};
  for (const mix of flags.mix.split(',') as MixName[]) {
    if (!(mix in MIXES)) throw new Error(`--mix ${mix}: there are ${Object.keys(MIXES).join(', ')}`);
    const requests = source.requests(mix, Number(flags.requests));
    const mean = requests.reduce((sum, { count }) => sum + count, 0) / requests.length;
    say(`\n### ${mix}: ${requests.length} slates of ${number(mean)} items on average, all at once\n`);
    const saturated = await compare(contenders, requests);
    const open = flags['skip-open-loop'] ? {} : await compareOpenLoop(contenders, requests, saturated.figures['static, padded']!.itemsPerSecond.median / mean);
    all[mix] = { meanCount: mean, ...saturated, openLoop: open };
  }
  return all;
}

/** Contenders take turns; the first one's items per CPU second are divided by each other's of the same round. */
async function compare(contenders: readonly Contender[], requests: readonly SlateRequest[]): Promise<{ figures: Record<string, Figures>; sameSlates: boolean }> {
  const taken = new Map<string, Taken[]>(contenders.map(({ name }) => [name, []]));
  for (const contender of contenders) await saturate(contender, requests.slice(0, SIZE));
  for (let round = 0; round < ROUNDS; round += 1) {
    const order = round % 2 === 0 ? contenders : contenders.toReversed();
    for (const contender of order) taken.get(contender.name)!.push(await saturate(contender, requests));
  }
  const perCpu = (name: string) => taken.get(name)!.map(({ tokens, cpuMs }) => (tokens / cpuMs) * 1_000);
  const first = perCpu(contenders[0]!.name);
  const figures = Object.fromEntries(contenders.map(({ name }) => [name, {
    itemsPerSecond: spreadOf(taken.get(name)!.map(({ tokens, wallMs }) => (tokens / wallMs) * 1_000)), itemsPerCpuSecond: spreadOf(perCpu(name)),
    continuousGains: spreadOf(perCpu(name).map((value, round) => first[round]! / value)),
  }]));
  say('| | items/s | items per CPU second | the first one’s gain |\n| --- | --- | --- | --- |');
  for (const [name, { itemsPerSecond, itemsPerCpuSecond, continuousGains }] of Object.entries(figures)) {
    say(`| ${name} | ${spread(itemsPerSecond)} | ${spread(itemsPerCpuSecond)} | ${spread(continuousGains)} |`);
  }
  return { figures, sameSlates: await haveSameSlates(contenders, requests.slice(0, SIZE)) };
}

/** All but those with other precisions of the cache should give the same. */
async function haveSameSlates(contenders: readonly Contender[], requests: readonly SlateRequest[]): Promise<boolean> {
  const slates = await Promise.all(contenders.map((contender) => Promise.all(requests.map(async (request) => (await contender.ask(request)).join()))));
  const shares = slates.map((own) => own.filter((slate, index) => slate === slates[0]![index]).length / requests.length);
  say(`the same slates as the first one’s: ${shares.map((part, index) => `${contenders[index]!.name} ${percent(part)}`).join(', ')}`);
  return shares.every((part) => part === 1);
}

async function compareOpenLoop(contenders: readonly Contender[], requests: readonly SlateRequest[], capacityPerSecond: number): Promise<Record<string, OpenLoopFigures>> {
  const rate = Number(flags.load) * capacityPerSecond;
  const latencies = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    const arrivals = poissonArrivals(rate, seededRandom(Number(flags.seed) + round, 'arrivals'));
    const atMs = requests.map(() => arrivals.next());
    for (const contender of contenders) latencies.get(contender.name)!.push(...(await openLoop(contender, requests, atMs)).latenciesMs);
  }
  say(`\nat ${number(rate)} slates/s (${percent(Number(flags.load))} of what padded static batches can do), by moments of arrival:\n\n| | p50 ms | p99 ms |\n| --- | --- | --- |`);
  const figures: Record<string, OpenLoopFigures> = {};
  for (const [name, values] of latencies) {
    const own = (figures[name] = { p50Ms: quantile(values, 0.5), p99Ms: quantile(values, 0.99) });
    say(`| ${name} | ${number(own.p50Ms)} | ${number(own.p99Ms)} |`);
  }
  return figures;
}

/** Alone, where a step's fixed cost is what drafts could save, and in full batches. */
async function compareDrafts(source: RequestSource, contenders: readonly StageContender[]): Promise<Record<string, unknown>> {
  const requests = source.requests('even', Number(flags.requests));
  say('\n### drafts, slates in full batches\n');
  const together = await compare(contenders, requests);
  say('\n### drafts, one slate after the other\n');
  const alone = await compare(contenders.map((contender) => inTurn(contender)), requests.slice(0, Math.ceil(requests.length / 4)));
  const accepted = Object.fromEntries(contenders.filter(({ counts }) => counts.used.drafted > 0).map(({ name, counts: { used } }) => [name, used.accepted / used.drafted]));
  say(`drafts that were right: ${Object.entries(accepted).map(([name, part]) => `${name} ${percent(part)}`).join(', ')}`);
  return { drafts: { together, alone, accepted } };
}

function inTurn(contender: Contender): Contender {
  let last: Promise<unknown> = Promise.resolve();
  return {
    name: contender.name, stop: () => contender.stop(),
    ask: (request) => {
      const asked = last.then(() => contender.ask(request));
      last = asked;
      return asked;
    },
  };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
