import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { exitOnSignals } from '../../test/support/processes.ts';
import { soakPlot } from './plot.ts';
import { soak, type SoakReport } from './soak.ts';
import type { Trend } from './trend.ts';

const HELP = `Runs Tandem at a steady share of its capacity for a long time, and tells whether anything grows.

  npm run soak -- [--minutes 30] [--load 0.7] [--rate N] [--instances 1] [--seed 1] [--every 5] [--out bench/results] [--stage-flags "…"]

Starts Kafka, Redis and every stage as processes of their own, finds how many requests a second they answer, sends that
share of it, and samples memory, lag and latency every few seconds. Writes soak.json and soak.svg. The slopes are Theil–Sen,
without the first quarter of the run. Exit code 1 when memory or lag is not flat.

Examples:
  npm run soak -- --minutes 5
  npm run soak -- --rate 200 --minutes 30      instead of finding the capacity first
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    load: { type: 'string', default: '0.7' },
    rate: { type: 'string' },
    instances: { type: 'string', default: '1' },
    seed: { type: 'string', default: '1' },
    every: { type: 'string', default: '5' },
    out: { type: 'string', default: join(import.meta.dirname, '../results') },
    'stage-flags': { type: 'string', default: '' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

function trendLine(name: string, unit: string, { median, slope, growth, flat }: Trend): string {
  return `  ${name.padEnd(16)} median ${median.toFixed(1).padStart(8)} ${unit}   slope ${slope.toFixed(1).padStart(8)} ${unit}/h   over the run ${growth.toFixed(1).padStart(7)}   ${flat ? 'flat' : 'NOT FLAT'}`;
}

function render(report: SoakReport): string {
  const { minutes, ratePerSecond, capacityPerSecond, sent, answered, latencyMs, memory, lag, crashes, flat } = report;
  const capacity = capacityPerSecond === undefined ? '' : ` (capacity ${Math.round(capacityPerSecond)}/s)`;
  return [
    `${minutes} minutes at ${Math.round(ratePerSecond)} requests/s${capacity}: ${sent} sent, ${answered} answered, ${crashes} crashes; latency p50 ${latencyMs.p50.toFixed(1)} ms, p99 ${latencyMs.p99.toFixed(1)} ms`,
    ...Object.entries(memory).map(([name, trend]) => trendLine(name, 'MiB', trend)),
    ...Object.entries(lag).map(([name, trend]) => trendLine(`lag ${name}`, 'rec', trend)),
    flat ? 'memory and lag are flat' : 'memory or lag is NOT flat',
  ].join('\n');
}

async function main(): Promise<void> {
  exitOnSignals();
  const report = await soak({
    minutes: Number(values.minutes), load: Number(values.load), rate: values.rate === undefined ? undefined : Number(values.rate),
    instances: Number(values.instances), seed: Number(values.seed), sampleEveryMs: Number(values.every) * 1_000,
    stageFlags: values['stage-flags'].split(' ').filter(Boolean),
  });
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, 'soak.json'), `${JSON.stringify(report, null, 1)}\n`);
  writeFileSync(join(values.out, 'soak.svg'), soakPlot(report));
  console.log(render(report));
  process.exitCode = report.flat ? 0 : 1;
}

if (values.help) process.stdout.write(HELP);
else await main();
