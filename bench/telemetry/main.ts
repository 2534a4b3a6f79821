/** What telemetry costs: see HELP. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import { spreadOf } from '@tandem/shared/statistics';
import { exitOnSignals, temporaryFolder } from '../../test/support/processes.ts';
import { QUICK } from '../harness/bench.ts';
import { loadReplay } from '../harness/dataset.ts';
import { number, spread } from '../harness/format.ts';
import { describeMachine } from '../harness/machine.ts';
import { Session } from '../harness/measure.ts';
import { openStand } from '../harness/stand.ts';
import { terminalTable } from '../report/terminal.ts';
import { noopFlags } from '../scenarios/made/made-models.ts';
import { overheadOf, overheadText } from './paired.ts';
import { startCollector } from './start-collector.ts';
import { switchedFlow, type SwitchedFlow } from './switched-flow.ts';
import { NAMES, WAYS, type Way } from './switched.ts';

const HELP = `What telemetry costs, of a flow with models that compute nothing, where its share is largest, or of one with the shipped models.

  npm run bench:telemetry -- [--minutes 10] [--models noop|shipped] [--chain none|edge|all] [--rate 1000] [--burst 3000] [--seconds 4] [--json FILE]

One set of processes goes on for the whole run and is switched, window by window, every second round backwards: no metrics and no traces; metrics;
metrics and 1 % head-sampled traces; and, every fourth round, metrics and every request traced. Each window tells the stages' CPU time per request
at a fixed rate, and how many requests a second they answer of a burst: both against the window without telemetry of the same round. The collector is a
process that forgets everything; metrics are scraped every 5 s. Two minutes of the time are for starting and warming.
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' }, models: { type: 'string', default: 'noop' }, chain: { type: 'string', default: 'all' }, rate: { type: 'string', default: '1000' }, burst: { type: 'string', default: '3000' },
    seconds: { type: 'string', default: '4' }, json: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false },
  },
});
const RATE = Number(values.rate);
const WINDOW_SECONDS = Number(values.seconds);
const SETTLING_SECONDS = 1;
/** Nothing is refused: what a request costs is asked, not which are in time. */
const DEADLINE_MS = 60_000;
const ALL_TRACED_EVERY = 4;
const EXPORTED_AFTER_MS = 8_000;
/** Small, then large, both at INT8. */
const SHIPPED = ['--policy', 'fixed', '--precision', 'int8', '--variants', 'recommend-small.int8,recommend-large.int8'];

interface Window {
  cpuUs: number;
  burstCpuUs: number;
  answersPerSecond: number;
}

/** Per request, of what runs meanwhile. */
async function cpuOf(flow: SwitchedFlow, run: () => Promise<number>): Promise<number> {
  const before = await flow.cpuUs();
  const requests = await run();
  return (await flow.cpuUs() - before) / requests;
}

async function measure(way: Way, flow: SwitchedFlow, session: Session): Promise<Window> {
  await flow.switchTo(way);
  const steady = async (seconds: number) => (await session.at(RATE, seconds, { deadlineMs: DEADLINE_MS })).figures.offered;
  await steady(SETTLING_SECONDS);
  const cpuUs = await cpuOf(flow, () => steady(WINDOW_SECONDS));
  let answersPerSecond = NaN;
  const burst = Number(values.burst);
  const burstCpuUs = await cpuOf(flow, async () => {
    answersPerSecond = await session.drain(burst);
    return burst;
  });
  // What waits to be exported is not the next window's.
  if (way === 'all') await setTimeout(EXPORTED_AFTER_MS);
  return { cpuUs, burstCpuUs, answersPerSecond };
}

/** Of a round; the first has none without telemetry to be compared with before it. */
function waysOf(round: number): readonly Way[] {
  const ways = WAYS.filter((way) => way !== 'all' || round % ALL_TRACED_EVERY === 0);
  return round % 2 === 0 ? ways : ways.toReversed();
}

type Round = Partial<Record<Way, Window>>;

async function inRounds(flow: SwitchedFlow, session: Session, until: number, progress: (text: string) => void): Promise<Round[]> {
  const rounds: Round[] = [];
  while (performance.now() < until) {
    const round: Round = {};
    for (const way of waysOf(rounds.length)) round[way] = await measure(way, flow, session);
    rounds.push(round);
    progress(`round ${rounds.length}: ${Object.entries(round).map(([way, { cpuUs, answersPerSecond }]) => `${way} ${number(cpuUs)} µs, ${number(answersPerSecond)}/s`).join('; ')}`);
  }
  return rounds;
}

function rowOf(way: Way, rounds: readonly Round[]): string[] {
  const of = (read: (window: Window) => number) => {
    const pairs = rounds.flatMap((round) => (round[way] === undefined || round.off === undefined ? [] : [[read(round[way]), read(round.off)] as const]));
    const values = pairs.map(([value]) => value);
    return [spread(spreadOf(values)), way === 'off' ? '' : overheadText(overheadOf(values, pairs.map(([, base]) => base)))];
  };
  return [NAMES[way], ...of(({ cpuUs }) => cpuUs), ...of(({ burstCpuUs }) => burstCpuUs), ...of(({ answersPerSecond }) => answersPerSecond)];
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(HELP);
  if (values.models !== 'noop' && values.models !== 'shipped') throw new Error(`--models ${values.models}: noop or shipped`);
  exitOnSignals();
  const until = performance.now() + Number(values.minutes) * 60_000;
  const folder = temporaryFolder('tandem-bench-telemetry-');
  const progress = (text: string) => process.stderr.write(`${text}\n`);
  const variants = stableVariants(await loadRegistry(join(import.meta.dirname, '../../models')));
  const replay = await loadReplay({ seed: 1, repeatShare: 0, catalogueSize: Math.min(...variants.flatMap(({ catalogue }) => catalogue?.items ?? [])), synthetic: true }, progress);
  await using stand = await openStand(undefined, variants);
  const collector = await startCollector();
  using flow = await switchedFlow(values.chain, collector.url, values.models === 'noop' ? noopFlags(folder) : SHIPPED);
  await using session = await Session.open(flow.contender, { stand, replay, sloMs: 50, deadlineMs: DEADLINE_MS, seed: 1, effort: QUICK });
  await session.ready();
  for (const way of ['all', 'sampled', 'metrics', 'off'] as const) {
    await flow.switchTo(way);
    await session.warmUp();
  }
  const rounds = await inRounds(flow, session, until, progress);
  collector.stop();
  const machine = describeMachine();
  const head = ['', `CPU µs a request at ${RATE}/s`, 'more than off', 'CPU µs of a burst', 'more than off', 'answers/s of a burst', 'more than off'];
  process.stdout.write(`${machine.cpu}, ${machine.cores} cores, commit ${machine.commit}, load average ${machine.loadAverage}, ${values.models} models, chain ${values.chain}, ${rounds.length} rounds\n`
    + `${terminalTable({ head, rows: WAYS.map((way) => rowOf(way, rounds)) })}\n(median of all rounds, least–most; shares: median of the pairs, and its 95 % interval)\n`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine, models: values.models, chain: values.chain, rate: RATE, rounds }, null, 1)}\n`);
}

await main();
