/** What a promotion and a rollback do to the requests under way: see HELP. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs, promisify } from 'node:util';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import { spreadOf } from '@tandem/shared/statistics';
import { exitOnSignals, temporaryFolder } from '../../test/support/processes.ts';
import { QUICK } from '../harness/bench.ts';
import { loadReplay } from '../harness/dataset.ts';
import { number, spread } from '../harness/format.ts';
import type { RunFigures } from '../harness/judge.ts';
import { describeMachine } from '../harness/machine.ts';
import { Session } from '../harness/measure.ts';
import { openStand } from '../harness/stand.ts';
import { tandemContender } from '../harness/tandem-contender.ts';
import { terminalTable } from '../report/terminal.ts';
import { NEXT, withNextVersion } from './next-version.ts';

const HELP = `What a reload does to the requests under way: the real flow over Kafka with one worker, under open-loop load.

  npm run bench:reload -- [--minutes 6] [--seconds 10] [--share 0.5] [--rate N] [--deadline-ms 500] [--variant recommend-large.int8] [--json FILE]

Windows with and without a reload follow each other in one run, every second pair the other way round: in a window with one "tandem models promote" or
"tandem models rollback" (in turns) is run as an operator does, but at the lowest priority, since the operator's machine is another one: its own check of the model
is not the worker's. Requests leave when they are due, however slow the answers are, and latencies count from then. The rate is --share of what the worker does in a burst of its own, or --rate. Counted are, of
all requests: complete answers behind the deadline (late), answers with less than the plan (degraded), refused or failed ones and ones without an answer (failed).
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '6' }, seconds: { type: 'string', default: '10' }, share: { type: 'string', default: '0.5' }, rate: { type: 'string' }, 'deadline-ms': { type: 'string', default: '500' },
    variant: { type: 'string', default: 'recommend-large.int8' }, json: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false },
  },
});
const ENTRY = join(import.meta.dirname, '../../services/cli/tandem.ts');
const DEADLINE_MS = Number(values['deadline-ms']);
/** Into a window. */
const COMMAND_AFTER_MS = 1_000;
const FLAGS = ['--policy', 'fixed', '--precision', 'int8', '--variants', 'recommend-small.int8,recommend-large.int8'];
const KINDS = ['none', 'promote', 'rollback'] as const;
type Kind = (typeof KINDS)[number];
const NAMES: Readonly<Record<Kind, string>> = { none: 'without a reload', promote: 'with a promote', rollback: 'with a rollback' };

interface Window {
  kind: Kind;
  figures: RunFigures;
}

const execute = promisify(execFile);

interface Flow {
  session: Session;
  kafka: string;
  models: string;
  rate: number;
}

/** As an operator does it. @throws {Error} where the worker does not take it */
async function reload(kind: 'promote' | 'rollback', { session, kafka, models }: Flow): Promise<void> {
  await setTimeout(COMMAND_AFTER_MS);
  const release = kind === 'promote' ? ['--release', NEXT] : [];
  const { stdout } = await execute('nice', ['-n', '19', process.execPath, ENTRY, 'models', kind, values.variant, ...release, '--json', '--models', models, '--kafka', kafka, '--prefix', session.prefix]);
  const { workers } = JSON.parse(stdout) as { workers: { version: string }[] };
  if (workers.length !== 1 || (workers[0]!.version === NEXT) !== (kind === 'promote')) throw new Error(`${kind}: ${stdout}`);
}

async function windowOf(kind: Kind, flow: Flow): Promise<Window> {
  const load = flow.session.at(flow.rate, Number(values.seconds), { deadlineMs: DEADLINE_MS });
  if (kind !== 'none') await reload(kind, flow);
  return { kind, figures: (await load).figures };
}

async function inPairs(flow: Flow, until: number, progress: (text: string) => void): Promise<Window[]> {
  const windows: Window[] = [];
  for (let pair = 0; performance.now() < until; pair += 1) {
    // Whatever comes first is the other next time; so both changes come first as often.
    const change = pair % 2 === 0 ? 'promote' : 'rollback';
    for (const kind of pair % 4 < 2 ? ['none', change] as const : [change, 'none'] as const) {
      windows.push(await windowOf(kind, flow));
      progress(`${NAMES[kind]}: ${textOf(windows.at(-1)!.figures)}`);
    }
  }
  return windows;
}

const lateOf = ({ lateShare, offered }: RunFigures) => Math.round(lateShare * offered);
const degradedOf = ({ statuses }: RunFigures) => statuses['degraded'] ?? 0;
const failedOf = ({ offered, statuses }: RunFigures) => offered - (statuses['complete'] ?? 0) - (statuses['degraded'] ?? 0);

function textOf(figures: RunFigures): string {
  const { offered, p50Ms, p99Ms, maxMs } = figures;
  return `${offered} requests, ${lateOf(figures)} late, ${degradedOf(figures)} degraded, ${failedOf(figures)} failed, ${number(p50Ms)}, ${number(p99Ms)} and at most ${number(maxMs)} ms`;
}

function rowOf(kind: Kind, all: readonly Window[]): string[] {
  const figures = all.filter((window) => window.kind === kind).map((window) => window.figures);
  const sum = (of: (one: RunFigures) => number) => String(figures.reduce((total, one) => total + of(one), 0));
  const over = (of: (one: RunFigures) => number) => spread(spreadOf(figures.map(of)));
  return [NAMES[kind], String(figures.length), sum(({ offered }) => offered), sum(lateOf), sum(degradedOf), sum(failedOf), over(({ p50Ms }) => p50Ms), over(({ p99Ms }) => p99Ms), over(({ maxMs }) => maxMs)];
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(HELP);
  exitOnSignals();
  const until = performance.now() + Number(values.minutes) * 60_000;
  const progress = (text: string) => process.stderr.write(`${text}\n`);
  const models = withNextVersion(temporaryFolder('tandem-bench-reload-'), values.variant);
  const variants = stableVariants(await loadRegistry(models));
  const replay = await loadReplay({ seed: 1, repeatShare: 0, catalogueSize: Math.min(...variants.flatMap(({ catalogue }) => catalogue?.items ?? [])), synthetic: true }, progress);
  await using stand = await openStand(undefined, variants);
  const contender = tandemContender({ name: 'tandem', description: 'one worker', task: 'full', flags: ['--models', models, ...FLAGS] });
  await using session = await Session.open(contender, { stand, replay, sloMs: DEADLINE_MS, deadlineMs: DEADLINE_MS, seed: 1, effort: QUICK });
  await session.ready();
  const capacity = await session.warmUp();
  const rate = values.rate === undefined ? Number(values.share) * capacity : Number(values.rate);
  progress(`${number(capacity)}/s in a burst; ${number(rate)}/s from now on`);
  const flow: Flow = { session, kafka: stand.kafka, models, rate };
  // The first reload compiles code that later ones find.
  for (const kind of KINDS) await windowOf(kind, flow);
  const windows = await inPairs(flow, until, progress);
  const machine = describeMachine();
  const head = ['', 'windows', 'requests', 'late', 'degraded', 'failed', 'p50 ms', 'p99 ms', 'longest ms'];
  process.stdout.write(`${machine.cpu}, ${machine.cores} cores, commit ${machine.commit}, load average ${machine.loadAverage}, ${values.variant}, ${number(rate)}/s of ${number(capacity)}/s in a burst, deadline ${DEADLINE_MS} ms\n`
    + `${terminalTable({ head, rows: KINDS.map((kind) => rowOf(kind, windows)) })}\n(of the windows' latencies: median, least–most)\n`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ machine, variant: values.variant, rate, capacity, deadlineMs: DEADLINE_MS, windows }, null, 1)}\n`);
}

await main();
