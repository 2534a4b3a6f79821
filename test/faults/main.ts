import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseChain } from '../../services/cli/compose/chaining.ts';
import { exitOnSignals } from '../support/processes.ts';
import { passed, renderReport } from './report.ts';
import { runFaults } from './run.ts';
import { loadOf, type FaultRunOptions } from './run-options.ts';
import { allFaults, FAULT_KINDS } from './schedule.ts';

const HELP = `Breaks a running Tandem at random and checks every answer.

  npm run faults -- [options]

Starts Kafka, Redis and every stage as processes of their own, sends requests at an even rate, injects faults at random
moments, waits until everything is answered, and compares what went in with what came out.

  --faults N        how many [20]
  --requests N      how many, in all [62 a second]
  --mode MODE       at-least-once or exactly-once [at-least-once]
  --brokers 1|3     3: replication 3, min.insync.replicas 2 [1]
  --seed S          same seed, same requests and faults [1]
  --kinds LIST      of faults, with or without a target: kill,pause:worker,cut:all [all]
  --spacing SECONDS mean time between faults [16]
  --late-bound MS   a response may come so long after its deadline [20000]
  --instances N     of each stage [2]
  --chain STAGES    that run in one process: edge (all but the workers), all, or joined by + [none]
  --old FOLDER      another checkout with its dependencies; one instance of each stage runs from there
  --stage-flags "…" more flags for every stage
  --patience SECONDS  how long to wait for answers when none come any more [120]
  --json FILE       write the result
  --keep-logs       of a run without violations too
  --help

Kinds:
${Object.entries(FAULT_KINDS).map(([kind, what]) => `  ${kind.padEnd(12)} ${what}`).join('\n')}
${allFaults().length} kinds and targets in all, without disk-full, which must be asked for; each comes up once, in random order, before any comes up again.

Exit code 1 when an answer is lost, wrong or out of its promised order, or doubled
(at least once: doubled where no fusion process had died).

Examples:
  npm run faults -- --faults 10 --seed 7
  npm run faults -- --mode exactly-once --brokers 3 --faults 200 --requests 200000 --json faults.json
  npm run faults -- --kinds add,term,kill --faults 24 --spacing 30      gaps when instances come and go
  git worktree add ../old v0.1.0 && npm ci --prefix ../old && npm run faults -- --old ../old
`;

const DEFAULT_RATE_PER_SECOND = 62;
/** For a rate to compare with, and to recover. */
const MARGINS = { leadMs: 10_000, tailMs: 25_000 };

const { values } = parseArgs({
  options: {
    faults: { type: 'string', default: '20' },
    requests: { type: 'string' },
    mode: { type: 'string', default: 'at-least-once' },
    brokers: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    kinds: { type: 'string', default: '' },
    spacing: { type: 'string', default: '16' },
    'late-bound': { type: 'string', default: '20000' },
    instances: { type: 'string', default: '2' },
    chain: { type: 'string', default: 'none' },
    old: { type: 'string' },
    'stage-flags': { type: 'string', default: '' },
    patience: { type: 'string', default: '120' },
    json: { type: 'string' },
    'keep-logs': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

function number(name: 'faults' | 'requests' | 'seed' | 'spacing' | 'late-bound' | 'instances' | 'patience', text: string, least: number): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= least) return value;
  throw new RangeError(`--${name} ${text}: a number from ${least} is expected`);
}

function oneOf<Value extends string>(name: string, text: string, valid: readonly Value[]): Value {
  const value = valid.find((known) => known === text);
  if (value !== undefined) return value;
  throw new RangeError(`--${name} ${text}: one of ${valid.join(', ')} is expected`);
}

const words = (text: string, separator: string) => text.split(separator).map((word) => word.trim()).filter(Boolean);

function readOptions(): FaultRunOptions {
  const faults = number('faults', values.faults, 0);
  const spacingMs = number('spacing', values.spacing, 0.1) * 1_000;
  const { durationMs } = loadOf({ requests: 0, faults, spacingMs, ...MARGINS });
  return {
    faults, spacingMs, ...MARGINS,
    mode: oneOf('mode', values.mode, ['at-least-once', 'exactly-once']),
    requests: values.requests === undefined ? Math.round((durationMs / 1_000) * DEFAULT_RATE_PER_SECOND) : number('requests', values.requests, 1),
    brokers: Number(oneOf('brokers', values.brokers, ['1', '3'])) as 1 | 3,
    seed: number('seed', values.seed, 0),
    kinds: words(values.kinds, ','),
    lateBoundMs: number('late-bound', values['late-bound'], 0),
    instances: number('instances', values.instances, 1),
    chain: parseChain(values.chain),
    old: values.old,
    stageFlags: words(values['stage-flags'], ' '),
    patienceMs: number('patience', values.patience, 1) * 1_000,
    keepLogs: values['keep-logs'],
  };
}

async function main(): Promise<void> {
  exitOnSignals();
  const report = await runFaults(readOptions());
  process.stdout.write(`${renderReport(report)}\n`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  process.exitCode = passed(report) ? 0 : 1;
}

if (values.help) process.stdout.write(HELP);
else await main();
