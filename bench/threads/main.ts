/** Where the CPU time of a request goes, by thread: see HELP. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import { exitOnSignals, temporaryFolder } from '../../test/support/processes.ts';
import { QUICK } from '../harness/bench.ts';
import type { Contender } from '../harness/contender.ts';
import { loadReplay } from '../harness/dataset.ts';
import { number, percent } from '../harness/format.ts';
import { describeMachine } from '../harness/machine.ts';
import { Session } from '../harness/measure.ts';
import { openStand, type Stand } from '../harness/stand.ts';
import { tandemContender } from '../harness/tandem-contender.ts';
import { threadSecondsOf } from '../harness/thread-times.ts';
import { ladderContenders } from '../scenarios/ladder-contenders.ts';
import { peersContenders } from '../scenarios/peers.ts';

const HELP = `Where the CPU time of a request goes, by thread: of contenders of the scenarios peers and ladder, at a few rates.
Settings of Tandem can be given as it reads them from its environment, for example TANDEM_GATHER_MS=5 npm run bench:threads -- …

  npm run bench:threads -- [--peer pytriton-reject] [--only TEXT] [--flags=FLAGS] [--rates 600,1200,1800] [--seconds 3] [--least 5] [--synthetic] [--help]

  --peer       names of peers; those of Tandem are always there
  --only       contenders whose name has one of these in it; default: "large fp32, no caches, chained" and the peers
  --flags      Tandem with recommend-large.int8 alone, all stages in one process and these flags: --flags='--prefix-cache-mb 0'; may be given more than once, and
               others are left out then
  --rates      requests/s, a run each
  --least      threads that take fewer µs of a request are left out
  --synthetic  invented users instead of MovieLens'
`;

const { values: flags } = parseArgs({
  options: {
    peer: { type: 'string', default: 'pytriton-reject' }, only: { type: 'string', multiple: true }, flags: { type: 'string', multiple: true, default: [] }, rates: { type: 'string', default: '600,1200,1800' },
    seconds: { type: 'string', default: '3' }, least: { type: 'string', default: '5' }, synthetic: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false },
  },
});
const MODELS = join(import.meta.dirname, '../../models');
const SLO = { sloMs: 50, deadlineMs: 45, seed: 1, effort: QUICK };
const WARM_SECONDS = 8;

if (flags.help) process.stdout.write(HELP);
else await main();

async function main(): Promise<void> {
  exitOnSignals();
  const variants = stableVariants(await loadRegistry(MODELS));
  const catalogueSize = Math.min(...variants.flatMap(({ catalogue }) => catalogue?.items ?? []));
  const replay = await loadReplay({ seed: SLO.seed, repeatShare: 0.2, catalogueSize, synthetic: flags.synthetic }, (text) => process.stderr.write(text));
  await using stand = await openStand(undefined, variants, WARM_SECONDS);
  const { cpu, cores, commit, loadAverage } = describeMachine();
  console.log(`${cpu}, ${cores} cores, commit ${commit}, load average ${loadAverage}; µs of CPU a request\n\n| | offered /s | goodput /s | refused | p99 ms | in all | broker | load generator | by thread |\n|---|---:|---:|---:|---:|---:|---:|---:|---|`);
  const peers = flags.peer.split(',');
  const only = flags.only ?? (flags.flags.length > 0 ? flags.flags : ['large fp32, no caches, chained', ...peers]);
  const folder = temporaryFolder('tandem-threads-');
  const contenders = [...(await peersContenders({ peers, folder })), ...ladderContenders({ folder, quick: false }), ...flags.flags.map(largeWith)];
  for (const contender of contenders.filter(({ name }) => only.some((text) => name.includes(text)))) await split(contender, stand, replay);
}

async function split(contender: Contender, stand: Stand, replay: Awaited<ReturnType<typeof loadReplay>>): Promise<void> {
  await using session = await Session.open(contender, { ...SLO, stand, replay });
  await session.ready();
  await session.warmUp();
  for (const rate of flags.rates.split(',').map(Number)) {
    const [threads, broker, own] = [threadSecondsOf(session.contender.pids), threadSecondsOf([stand.brokerPid!]), process.cpuUsage()];
    const { figures } = await session.at(rate, Number(flags.seconds));
    const { user, system } = process.cpuUsage(own);
    const microseconds = (seconds: number) => (seconds * 1e6) / figures.offered;
    const by = grown(threads, threadSecondsOf(session.contender.pids)).map(([name, seconds]) => [name, microseconds(seconds)] as const);
    const shown = by.filter(([, each]) => each >= Number(flags.least)).map(([name, each]) => `${name} ${number(each)}`).join(', ');
    const ofBroker = total(grown(broker, threadSecondsOf([stand.brokerPid!])));
    console.log(`| ${contender.name} | ${number(figures.offeredPerSecond)} | ${number(figures.goodputPerSecond)} | ${percent(figures.degradedShare)} | ${number(figures.p99Ms)} | ${number(total(by))} | ${number(microseconds(ofBroker))} | ${number((user + system) / figures.offered)} | ${shown} |`);
  }
}

function largeWith(more: string): Contender {
  const words = ['--policy', 'fixed', '--precision', 'int8', '--variants', 'recommend-large.int8', '--chain', 'all', ...more.split(' ')];
  return tandemContender({ name: `Tandem: large int8, chained, ${more}`, description: 'the large model alone', task: 'fine', flags: words });
}

/** What each kind of thread has used since, most first. */
function grown(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): [string, number][] {
  return [...after].map(([name, seconds]): [string, number] => [name, seconds - (before.get(name) ?? 0)]).sort(([, a], [, b]) => b - a);
}

function total(by: readonly (readonly [string, number])[]): number {
  return by.reduce((sum, [, each]) => sum + each, 0);
}
