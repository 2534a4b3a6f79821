import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { TandemError, messageOf } from '@tandem/shared/errors';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import { exitOnSignals, temporaryFolder } from '../test/support/processes.ts';
import { lineCharts } from '@tandem/shared/chart';
import { FULL, QUICK, type Bench, type Findings, type Scenario } from './harness/bench.ts';
import { loadReplay } from './harness/dataset.ts';
import { describeMachine } from './harness/machine.ts';
import { openStand } from './harness/stand.ts';
import { markdownReport, type ReportHeader } from './report/markdown.ts';
import { terminalTable } from './report/terminal.ts';
import { SCENARIOS } from './scenarios/index.ts';

const HELP = `Measures Tandem against what people run instead, over a real Kafka, on this machine.

  npm run bench -- [--quick] [--scenario NAME,…] [--json FILE] [--report FILE.md] [--rounds N] [--only TEXT] [--peer NAME,…]
                   [--kafka HOST:PORT] [--synthetic] [--slo-ms 50] [--repeats 0.2] [--seed 1]
                   [--fixed-load 10000] [--core-hour-price 0.04] [--list] [--help]

  --quick            the ladder in 5 minutes: short runs, one round
  --scenario         default: with --quick ladder, else all but peers
  --json, --report   where results go; plots (SVG) go beside the report
  --rounds           everything is measured so often, interleaved; default 1 with --quick, else 3
  --only             only contenders whose name has this text in it, also of those that a quick ladder leaves out; may be given more than once
  --peer             of the scenario peers
  --kafka            a broker that runs already (its CPU time is then unknown); default: one is started
  --synthetic        invented users instead of MovieLens': nothing to fetch, no HR@10
  --repeats          share of the requests that repeat a recent one
  --list             names and descriptions of the scenarios

docs/benchmark.md says what the rows mean. Run it on a machine that does nothing else.
`;

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    scenario: { type: 'string', multiple: true, default: [] },
    peer: { type: 'string', multiple: true, default: [] },
    json: { type: 'string' },
    report: { type: 'string' },
    rounds: { type: 'string' },
    only: { type: 'string', multiple: true },
    kafka: { type: 'string' },
    synthetic: { type: 'boolean', default: false },
    'slo-ms': { type: 'string', default: '50' },
    repeats: { type: 'string', default: '0.2' },
    seed: { type: 'string', default: '1' },
    'fixed-load': { type: 'string', default: '10000' },
    'core-hour-price': { type: 'string', default: '0.04' },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const FULL_WARM_SECONDS = 30;

/** Requests say less than the SLO as their deadline: the way to the broker and back counts too. */
const WAY_MS = 5;

const listed = (texts: readonly string[]) => texts.flatMap((text) => text.split(',')).map((text) => text.trim()).filter(Boolean);

function chosen(): Scenario[] {
  const names = listed(values.scenario);
  if (names.length === 0) return SCENARIOS.filter(({ name }) => (values.quick ? name === 'ladder' : name !== 'peers'));
  return names.map((name) => {
    const scenario = SCENARIOS.find((known) => known.name === name);
    if (scenario !== undefined) return scenario;
    throw new TandemError(`--scenario ${name}: there are ${SCENARIOS.map((known) => known.name).join(', ')}`, { code: 'usage' });
  });
}

function number(name: 'slo-ms' | 'repeats' | 'seed' | 'fixed-load' | 'core-hour-price'): number {
  const value = Number(values[name]);
  if (!Number.isFinite(value) || value < 0) throw new TandemError(`--${name} ${values[name]}: a number, 0 or more, is expected`, { code: 'usage' });
  return value;
}

function roundsOf(): number {
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1) throw new TandemError(`--rounds ${values.rounds}: a whole number, 1 or more, is expected`, { code: 'usage' });
  return rounds;
}

async function runAll(scenarios: readonly Scenario[]): Promise<{ found: Map<string, Findings>; header: ReportHeader }> {
  const machine = describeMachine({ startsBroker: values.kafka === undefined });
  const startedAt = new Date();
  const progress = (text: string) => process.stderr.write(`${text}\n`);
  const variants = stableVariants(await loadRegistry(join(import.meta.dirname, '../models')));
  const catalogueSize = Math.min(...variants.flatMap(({ catalogue }) => catalogue?.items ?? []));
  const replay = await loadReplay({ seed: number('seed'), repeatShare: number('repeats'), catalogueSize, synthetic: values.synthetic }, progress);
  if (values.kafka === undefined) progress('starting and warming a broker');
  await using stand = await openStand(values.kafka, variants, values.quick ? undefined : FULL_WARM_SECONDS);
  const peers = listed(values.peer);
  const bench: Bench = {
    stand, replay, progress, quick: values.quick, rounds: roundsOf(), effort: values.quick ? QUICK : FULL, seed: number('seed'),
    sloMs: number('slo-ms'), deadlineMs: Math.max(1, number('slo-ms') - WAY_MS), fixedLoad: number('fixed-load'), coreHourPrice: number('core-hour-price'),
    peers: peers.length === 0 ? undefined : peers, only: values.only, folder: temporaryFolder('tandem-bench-'),
  };
  const found = new Map<string, Findings>();
  for (const scenario of scenarios) {
    progress(`— ${scenario.name}: ${scenario.description}`);
    found.set(scenario.name, await scenario.run(bench));
  }
  const seconds = (Date.now() - startedAt.getTime()) / 1_000;
  const command = `npm run bench -- ${process.argv.slice(2).filter((word, index, all) => !/^--(json|report)/.test(word) && !/^--(json|report)$/.test(all[index - 1] ?? '')).join(' ')}`.trim();
  return { found, header: { machine, startedAt: startedAt.toISOString(), seconds, quick: values.quick, rounds: bench.rounds, replay: replay.description, command } };
}

/** JSON has no NaN: what was not measured is null. */
function writeJson(file: string, found: ReadonlyMap<string, Findings>, header: ReportHeader): void {
  mkdirSync(dirname(file), { recursive: true });
  const results = Object.assign({}, ...[...found].map(([name, { data, more }]) => ({ [name]: data, ...more }))) as Record<string, unknown>;
  writeFileSync(file, `${JSON.stringify({ ...header, ...results }, null, 1)}\n`);
}

function writeReport(file: string, found: ReadonlyMap<string, Findings>, header: ReportHeader): void {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true });
  const stem = basename(file).replace(/\.md$/, '');
  const plots = new Map([...found].map(([name, { plots: drawn, files = [] }]) => {
    const svgs = [...drawn.map(({ title, panels }, index) => ({ name: `${stem}-${name}${index === 0 ? '' : `-${index + 1}`}.svg`, svg: lineCharts(title, panels) })), ...files.map((each) => ({ ...each, name: `${stem}-${each.name}` }))];
    for (const { name: svgName, svg } of svgs) writeFileSync(join(folder, svgName), svg);
    return [name, svgs.map((each) => each.name)] as const;
  }));
  writeFileSync(file, markdownReport(header, found, plots));
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(HELP);
  if (values.list) return void process.stdout.write(`${SCENARIOS.map(({ name, description }) => `${name.padEnd(14)} ${description}`).join('\n')}\n`);
  exitOnSignals();
  const { found, header } = await runAll(chosen());
  if (values.json !== undefined) writeJson(values.json, found, header);
  if (values.report !== undefined) writeReport(values.report, found, header);
  console.log(`${header.machine.cpu}, ${header.machine.cores} cores, commit ${header.machine.commit}, load average at the start ${header.machine.loadAverage}`);
  for (const [name, { tables }] of found) console.log(`\n${name}\n${tables.map(terminalTable).join('\n\n')}`);
}

await main().catch((error: unknown) => {
  console.error(error instanceof TandemError ? `${error.code}: ${error.message}` : error instanceof Error ? error.stack : messageOf(error));
  process.exitCode = error instanceof TandemError && error.code === 'usage' ? 2 : 1;
});
