/**
 * Memory of every process while a large backlog is worked off: the requests are in the log before any stage is started.
 *
 *     node bench/soak/backlog.ts [--records 1000000] [--minutes 5] [--instances 1] [--out bench/results] [--stage-flags "…"]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { Progress } from '../../test/faults/progress.ts';
import { PREFIX } from '../../test/faults/stage-flags.ts';
import { exitOnSignals } from '../../test/support/processes.ts';
import { lineCharts } from '@tandem/shared/chart';
import { Answers } from './answers.ts';
import { memoryByProcess } from './soak.ts';
import { openStand, type Stand } from './stand.ts';
import { trendOf } from './trend.ts';

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '1000000' },
    minutes: { type: 'string', default: '5' },
    instances: { type: 'string', default: '1' },
    out: { type: 'string', default: join(import.meta.dirname, '../results') },
    'stage-flags': { type: 'string', default: '' },
  },
});

const CHUNK = 5_000;
const USERS = 10_000;
const SAMPLE_MS = 2_000;
/** Growth over the run that counts as flat: a tenth of the median. */
const TOLERANCE_SHARE = 0.1;

interface Sample {
  minute: number;
  answered: number;
  residentMiB: Record<string, number>;
}

/** Small requests without a deadline, so that all of them are really computed. */
async function fill({ ports }: Stand, records: number): Promise<void> {
  const producer = await ports.log.producer();
  let sent = 0;
  using _progress = new Progress(() => `${sent}/${records} requests written`);
  while (sent < records) {
    const count = Math.min(CHUNK, records - sent);
    await producer.send(Array.from({ length: count }, (_, index) => request(sent + index)));
    sent += count;
  }
  await producer.close();
}

function request(index: number): { topic: string; key: string; value: string } {
  const userId = `user-${index % USERS}`;
  const input = { history: [String(1 + (index % 3_000)), '260'], limit: 3 };
  return { topic: `${PREFIX}requests`, key: userId, value: JSON.stringify({ requestId: `b${index}`, workload: 'patient', userId, input, hints: { task: 'coarse' } }) };
}

async function watch(stand: Stand, answers: Answers, records: number, minutes: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  const startedAt = Date.now();
  using _progress = new Progress(() => `${answers.count}/${records} answered`);
  while (answers.count < records && Date.now() - startedAt < minutes * 60_000) {
    await delay(SAMPLE_MS);
    answers.takeLatencies();
    samples.push({ minute: (Date.now() - startedAt) / 60_000, answered: answers.count, residentMiB: await memoryByProcess(stand) });
  }
  return samples;
}

function report(samples: readonly Sample[], records: number) {
  const settled = samples.slice(Math.floor(samples.length / 4));
  const names = Object.keys(samples.at(-1)?.residentMiB ?? {});
  return {
    records, answered: samples.at(-1)?.answered ?? 0, minutes: samples.at(-1)?.minute ?? 0,
    processes: Object.fromEntries(names.map((name) => [name, {
      peakMiB: Math.max(...samples.map(({ residentMiB }) => residentMiB[name] ?? 0)),
      ...trendOf(settled.map(({ minute, residentMiB }) => [minute / 60, residentMiB[name] ?? 0]), (median) => TOLERANCE_SHARE * median),
    }])),
    samples,
  };
}

async function main(): Promise<void> {
  exitOnSignals();
  const [records, minutes] = [Number(values.records), Number(values.minutes)];
  await using stand = await openStand({ instances: Number(values.instances), stageFlags: values['stage-flags'].split(' ').filter(Boolean) });
  await fill(stand, records);
  const answers = await Answers.follow(stand.ports, PREFIX);
  await stand.fleet.start();
  const result = report(await watch(stand, answers, records, minutes), records);
  mkdirSync(values.out, { recursive: true });
  writeFileSync(join(values.out, 'backlog.json'), `${JSON.stringify(result, null, 1)}\n`);
  const series = Object.keys(result.processes).map((name) => ({ name, points: result.samples.map(({ minute, residentMiB }) => [Math.round(minute * 100) / 100, residentMiB[name] ?? 0] as const) }));
  writeFileSync(join(values.out, 'backlog.svg'), lineCharts(`A backlog of ${records} requests`, [
    { title: 'Resident memory of each process', xName: 'minutes', yName: 'MiB', series },
    { title: 'Answered', xName: 'minutes', yName: 'requests', series: [{ name: 'answered', points: result.samples.map(({ minute, answered }) => [Math.round(minute * 100) / 100, answered]) }] },
  ]));
  console.log(`${result.answered} of ${records} answered in ${result.minutes.toFixed(1)} min`);
  for (const [name, { peakMiB, slope, growth, flat }] of Object.entries(result.processes)) {
    console.log(`  ${name.padEnd(14)} peak ${peakMiB.toFixed(0).padStart(5)} MiB   slope ${slope.toFixed(0).padStart(6)} MiB/h   over the run ${growth.toFixed(1).padStart(7)}   ${flat ? 'flat' : 'NOT FLAT'}`);
  }
}

await main();
