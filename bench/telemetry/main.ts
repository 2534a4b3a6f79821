/** What telemetry costs: the flow with models that compute nothing, with metrics and traces on against off, interleaved in one run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import { exitOnSignals, freePort, temporaryFolder } from '../../test/support/processes.ts';
import { FULL, QUICK, type Bench } from '../harness/bench.ts';
import type { Contender } from '../harness/contender.ts';
import { loadReplay } from '../harness/dataset.ts';
import { number, percent, spread } from '../harness/format.ts';
import { describeMachine } from '../harness/machine.ts';
import { Session } from '../harness/measure.ts';
import { cpuSecondsOf } from '../harness/process-tree.ts';
import { inRounds, type Rounds } from '../harness/rounds.ts';
import { spreadOf } from '@tandem/shared/statistics';
import { openStand } from '../harness/stand.ts';
import { tandemContender } from '../harness/tandem-contender.ts';
import { terminalTable } from '../report/terminal.ts';
import { noopFlags } from '../scenarios/made/made-models.ts';

const HELP = `What telemetry costs, on the flow with models that compute nothing: its own cost is largest there.

  npm run bench:telemetry -- [--rounds 5] [--quick] [--chain none|edge|all] [--rate 1000] [--json FILE]

Four ways in turn, every second round backwards: no metrics and no traces; metrics; metrics and 1 % head-sampled traces; metrics and every
request traced. Of each: goodput (searched), and CPU of all stages per request at a fixed rate, which a busy machine disturbs least. The collector is a
process that forgets everything. Metrics are scraped every 5 s.
`;

const SCRAPE_MS = 5_000;
/** Processes of a cluster, at most: each listens on the next port. */
const PORTS = 8;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' }, quick: { type: 'boolean', default: false }, chain: { type: 'string', default: 'none' },
    rate: { type: 'string', default: '1000' }, json: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false },
  },
});

interface Run {
  goodputPerSecond: number;
  cpuUsPerRequest: number;
}

/** How telemetry is set. */
interface Way {
  name: string;
  environment: Readonly<Record<string, string>>;
  scraped: boolean;
}

function waysOf(collector: string): Way[] {
  const traced = (sampler: Record<string, string>) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: collector, ...sampler });
  return [
    { name: 'off', environment: { NODE_OPTIONS: `--import ${join(import.meta.dirname, 'no-metrics.ts')}` }, scraped: false },
    { name: 'metrics', environment: {}, scraped: true },
    { name: 'metrics, 1 % traced', environment: traced({ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' }), scraped: true },
    { name: 'metrics, all traced', environment: traced({ OTEL_TRACES_SAMPLER: 'parentbased_always_on' }), scraped: true },
  ];
}

function contenderOf({ name, environment, scraped }: Way, folder: string, firstPort: number): Contender {
  const flags = [...noopFlags(folder), '--chain', values.chain, ...(scraped ? ['--http-port', String(firstPort)] : [])];
  const launcher = ['env', ...Object.entries(environment).map(([variable, value]) => `${variable}=${value}`)];
  return tandemContender({ name, description: name, task: 'full', flags, launcher });
}

/** As Prometheus does; the end of it is the answer. */
function scraping(firstPort: number): () => void {
  const ports = Array.from({ length: PORTS }, (_, index) => firstPort + index);
  const scrape = (port: number) => fetch(`http://127.0.0.1:${port}/metrics`, { headers: { accept: 'application/openmetrics-text' } }).then((response) => response.text()).catch(() => '');
  const timer = setInterval(() => void Promise.all(ports.map(scrape)), SCRAPE_MS);
  return () => clearInterval(timer);
}

async function one(contender: Contender, bench: Bench, firstPort: number): Promise<Run> {
  const stop = scraping(firstPort);
  try {
    await using session = await Session.open(contender, bench);
    await session.ready();
    const { goodputPerSecond } = await session.search(await session.warmUp());
    const before = cpuSecondsOf(session.contender.pids);
    const { figures } = await session.at(Number(values.rate), bench.effort.steadySeconds);
    return { goodputPerSecond, cpuUsPerRequest: ((cpuSecondsOf(session.contender.pids) - before) * 1e6) / figures.offered };
  } finally {
    stop();
  }
}

async function startCollector(): Promise<{ url: string; stop: () => void }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'collector.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(child.stdout, 'data')) as [Buffer];
  return { url: `http://127.0.0.1:${port.toString().trim()}`, stop: () => child.kill() };
}

/** Round by round, against what was measured in the same round. */
function ratios(all: readonly Rounds<Run>[], of: (run: Run) => number): string[] {
  const base = all[0]?.results ?? [];
  return all.map(({ results }) => {
    const { median, least, most } = spreadOf(results.flatMap((run, round) => (base[round] === undefined ? [] : [of(run) / of(base[round])])));
    const share = (value: number) => percent(value - 1);
    return `${share(median)} (${share(least)} … ${share(most)})`;
  });
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(HELP);
  exitOnSignals();
  const folder = temporaryFolder('tandem-bench-telemetry-');
  const progress = (text: string) => process.stderr.write(`${text}\n`);
  const variants = stableVariants(await loadRegistry(join(import.meta.dirname, '../../models')));
  const replay = await loadReplay({ seed: 1, repeatShare: 0, catalogueSize: Math.min(...variants.flatMap(({ catalogue }) => catalogue?.items ?? [])), synthetic: true }, progress);
  await using stand = await openStand(undefined, variants);
  const collector = await startCollector();
  const bench: Bench = {
    stand, replay, progress, folder, quick: values.quick, rounds: values.quick ? 1 : Number(values.rounds), effort: values.quick ? QUICK : FULL, seed: 1,
    sloMs: 50, deadlineMs: 45, fixedLoad: 10_000, coreHourPrice: 0.04, peers: undefined, only: undefined,
  };
  const firstPort = await freePort();
  const measured = await inRounds(bench, waysOf(collector.url).map((way) => contenderOf(way, folder, firstPort)), (contender) => one(contender, bench, firstPort), ({ goodputPerSecond, cpuUsPerRequest }) =>
    `${number(goodputPerSecond)}/s, ${number(cpuUsPerRequest)} µs of CPU per request`);
  collector.stop();
  const goodput = ratios(measured, (run) => run.goodputPerSecond);
  const cpu = ratios(measured, (run) => run.cpuUsPerRequest);
  const machine = describeMachine();
  process.stdout.write(`${machine.cpu}, ${machine.cores} cores, commit ${machine.commit}, load average ${machine.loadAverage}, chain ${values.chain}\n${terminalTable({
    head: ['', 'goodput /s', 'against off', `CPU µs per request at ${values.rate}/s`, 'against off'],
    rows: measured.map(({ contender, failure, results }, index) => [contender.name, failure ?? spread(spreadOf(results.map((run) => run.goodputPerSecond))), goodput[index] ?? '', spread(spreadOf(results.map((run) => run.cpuUsPerRequest))), cpu[index] ?? '']),
  })}\n`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine, chain: values.chain, measured: measured.map(({ contender, results, failure }) => ({ name: contender.name, results, failure })) }, null, 1)}\n`);
}

await main();
