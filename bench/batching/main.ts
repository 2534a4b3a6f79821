/**
 * Continuous batching against a fixed window and one at a time, in virtual time over batch times that are measured on this machine
 * first. Every strategy gets the same arrivals, seed by seed.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { seededRandom } from '@tandem/shared/random';
import { describeMachine } from '../harness/machine.ts';
import { median, spreadOf } from '@tandem/shared/statistics';
import { markdownTable } from '../report/markdown.ts';
import { measureCurve, SUBJECTS, timeOf, type MeasuredCurve } from './curve.ts';
import { decisionCost } from './decision-cost.ts';
import { simulate, type Outcome } from './simulate.ts';
import { continuous, fixedWindow, type Strategy } from './strategies.ts';
import { arrivalsOf, MIXES, PROCESSES } from './traffic.ts';

const HELP = `Compares ways to form batches, in virtual time over measured batch times.

  npm run bench:batching -- [--sessions 2] [--slo 50] [--loads 0.5,0.8,1,1.5,3] [--seconds 20] [--seeds 5] [--rounds 25] [--json FILE] [--markdown FILE]

--loads are shares of what the sessions can do in full batches of one length bucket each; --rounds measure the batch times. Without
files it prints the report.
`;

const { values: flags } = parseArgs({
  options: {
    sessions: { type: 'string', default: '2' }, slo: { type: 'string', default: '50' }, loads: { type: 'string', default: '0.5,0.8,1,1.5,3' },
    seconds: { type: 'string', default: '20' }, seeds: { type: 'string', default: '5' }, rounds: { type: 'string', default: '25' },
    json: { type: 'string' }, markdown: { type: 'string' }, help: { type: 'boolean', short: 'h', default: false },
  },
});
const sessions = Number(flags.sessions);
const sloMs = Number(flags.slo);
const FULL = 32;

const STRATEGIES: Readonly<Record<string, () => Strategy>> = {
  'one at a time': () => fixedWindow({ maxBatchSize: 1, windowMs: 0, drops: false }),
  'fixed window of 5 ms': () => fixedWindow({ maxBatchSize: FULL, windowMs: 5, drops: false }),
  'the same, late ones dropped': () => fixedWindow({ maxBatchSize: FULL, windowMs: 5, drops: true }),
  continuous: () => continuous(sessions),
};

interface Case {
  variant: string;
  process: string;
  mix: string;
  load: number;
  perSecond: number;
}

interface Row extends Case {
  strategy: string;
  /** One of each seed. */
  outcomes: Outcome[];
}

/** Requests per second of all sessions in full batches, each of its own bucket. */
function capacityOf(curve: MeasuredCurve, mix: string): number {
  const random = seededRandom(1, `capacity/${mix}`);
  const time = timeOf(curve);
  const lengths = Array.from({ length: 2_000 }, () => MIXES[mix]!(random));
  const meanMs = lengths.reduce((sum, length) => sum + time(FULL, length) / FULL, 0) / lengths.length;
  return (sessions * 1_000) / meanMs;
}

function runCase(curve: MeasuredCurve, one: Case): Row[] {
  const rows = Object.keys(STRATEGIES).map((strategy): Row => ({ ...one, strategy, outcomes: [] }));
  for (let seed = 1; seed <= Number(flags.seeds); seed += 1) {
    const arrivals = arrivalsOf({ ...one, seconds: Number(flags.seconds), sloMs }, seededRandom(seed, 'arrivals'));
    for (const row of rows) {
      const stand = { sessions, sloMs, timeOf: timeOf(curve), random: seededRandom(seed, 'service') };
      row.outcomes.push(simulate(STRATEGIES[row.strategy]!(), arrivals, stand));
    }
  }
  return rows;
}

function casesOf(curve: MeasuredCurve): Case[] {
  const loads = flags.loads.split(',').map(Number);
  return Object.keys(PROCESSES).flatMap((process) => Object.keys(MIXES).flatMap((mix) => {
    const capacity = capacityOf(curve, mix);
    return loads.map((load): Case => ({ variant: curve.variant, process, mix, load, perSecond: load * capacity }));
  }));
}

function cells({ process, mix, load, perSecond, strategy, outcomes }: Row): string[] {
  const of = (pick: (outcome: Outcome) => number) => median(outcomes.map(pick));
  const { least, most } = spreadOf(outcomes.map(({ goodputPerSecond }) => goodputPerSecond));
  const whole = (value: number) => String(Math.round(value));
  return [
    `${process}, ${mix}, ${load}`, strategy, whole(perSecond), whole(of((outcome) => outcome.goodputPerSecond)), `${whole(least)}–${whole(most)}`,
    of((outcome) => outcome.inTimeShare).toFixed(3), of((outcome) => outcome.p50Ms).toFixed(1), of((outcome) => outcome.p99Ms).toFixed(1),
    of((outcome) => outcome.lateShare).toFixed(3), of((outcome) => outcome.meanBatchSize).toFixed(1),
  ];
}

const HEAD = ['arrivals, lengths, load', 'batches', 'offered /s', 'goodput /s', 'spread', 'in time', 'p50 ms', 'p99 ms', 'late', 'mean batch'];

function report(curves: readonly MeasuredCurve[], rows: readonly Row[], decisions: ReturnType<typeof decisionCost>): string {
  const { cpu, cores, node, onnxruntime, commit, loadAverage } = describeMachine();
  const sections = curves.map(({ variant, points }) => [
    `## ${variant}`,
    `Measured, ms at length 64: ${points.filter(({ length }) => length === 64).map(({ size, ms }) => `${size}: ${ms.toFixed(2)}`).join(', ')}.`,
    markdownTable({ head: HEAD, rows: rows.filter((row) => row.variant === variant).map(cells) }),
  ].join('\n\n'));
  return [
    '# Forming batches',
    `Virtual time over measured batch times; ${sessions} sessions, goodput within ${sloMs} ms, ${flags.seeds} seeds of ${flags.seconds} s (medians); load 1 is what full batches ` +
    'of one length bucket each allow. In time: share of all that were offered. Late: computed, but past the deadline.',
    `${cpu}, ${cores} cores; Node ${node}, onnxruntime ${onnxruntime}; commit ${commit}; load average ${loadAverage}.`,
    ...sections,
    '## What a decision costs',
    markdownTable({ head: ['waiting', 'tenants', 'µs per request'], rows: decisions.map(({ waiting, tenants, microseconds }) => [String(waiting), String(tenants), microseconds.toFixed(1)]) }),
  ].join('\n\n') + '\n';
}

function save(file: string | undefined, text: string): void {
  if (file === undefined) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

async function main(): Promise<void> {
  const curves: MeasuredCurve[] = [];
  for (const subject of SUBJECTS) curves.push(await measureCurve(subject, Number(flags.rounds)));
  const rows = curves.flatMap((curve) => casesOf(curve).flatMap((one) => runCase(curve, one)));
  const decisions = decisionCost();
  const text = report(curves, rows, decisions);
  save(flags.markdown, text);
  save(flags.json, `${JSON.stringify({ machine: describeMachine(), flags, curves, rows, decisions }, null, 1)}\n`);
  if (flags.markdown === undefined) process.stdout.write(text);
}

if (flags.help) process.stdout.write(HELP);
else await main();
