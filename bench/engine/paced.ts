/**
 * What batches cost that come now and then (0: one after the other), when threads fall asleep between them and caches are of others: CPU time of the
 * whole process for each. Other checkouts are measured in turn with this one, so that noise is the same for all; medians of rounds, and of the
 * differences in a round.
 *
 *     node bench/engine/paced.ts [--threads 2] [--batch 4] [--every-ms 0,1,2,4] [--rounds 15] [--millis 400] [--against FOLDER]…
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Random } from '@tandem/shared/clock';
import { createOnnxEngine, type LoadedVariant } from '@tandem/shared/engine';
import { poissonArrivals, seededRandom, type Arrivals } from '@tandem/shared/random';
import { loadRegistry, variantName } from '@tandem/shared/registry';
import { median } from '@tandem/shared/statistics';
import { number } from '../harness/format.ts';
import { describeMachine } from '../harness/machine.ts';

const ROOT = join(import.meta.dirname, '../..');
const MODELS = join(ROOT, 'models');
const SUBJECTS = [
  { name: 'recommend-small.int8', graph: 'candidates', dimensions: { length: 64, excluded: 1 } },
  { name: 'recommend-large.int8', graph: 'rank', dimensions: { length: 64, candidates: 100 } },
];
type Subject = (typeof SUBJECTS)[number];

interface Asked {
  subject: number;
  batch: number;
  everyMs: number;
  millis: number;
}

const { values: flags } = parseArgs({
  options: {
    threads: { type: 'string', default: '2' }, batch: { type: 'string', default: '4' }, 'every-ms': { type: 'string', default: '0,1,2,4' },
    rounds: { type: 'string', default: '15' }, millis: { type: 'string', default: '400' }, against: { type: 'string', multiple: true, default: [] },
  },
});

if (process.send === undefined) await main();
else await serve();

async function load({ name, graph }: Subject, engine: ReturnType<typeof createOnnxEngine>): Promise<LoadedVariant> {
  const variant = (await loadRegistry(MODELS)).variants.find((each) => variantName(each) === name)!;
  return engine.load({ ...variant, graphs: { [graph]: variant.graphs[graph]! } });
}

/** Told what to measure, it answers with µs of CPU for each batch. */
async function serve(): Promise<void> {
  const engine = createOnnxEngine({ modelsDirectory: MODELS, threads: Number(flags.threads) });
  const loaded = await Promise.all(SUBJECTS.map((subject) => load(subject, engine)));
  const random = seededRandom(1, 'paced');
  process.on('message', ({ subject, batch, everyMs, millis }: Asked) => {
    const { graph, dimensions } = SUBJECTS[subject]!;
    const runOne = async () => {
      const invocation = await loaded[subject]!.prepare(graph, { ...dimensions, batch });
      for (const { data } of Object.values(invocation.inputs)) for (let index = 0; index < data.length; index += 1) data[index] = (index * 7) % 5 + 1;
      await invocation.run();
      invocation.release();
    };
    void paced(runOne, everyMs, millis, random).then((micros) => process.send!(micros));
  });
  process.once('disconnect', () => void engine.close());
  process.send!('ready');
}

async function paced(runOne: () => Promise<void>, everyMs: number, millis: number, random: Random): Promise<number> {
  const before = process.cpuUsage();
  const batches = await (everyMs === 0 ? oneAfterTheOther(runOne, millis) : nowAndThen(runOne, millis, poissonArrivals(1_000 / everyMs, random)));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / batches;
}

async function oneAfterTheOther(runOne: () => Promise<void>, millis: number): Promise<number> {
  let batches = 0;
  for (const until = performance.now() + millis; performance.now() < until; batches += 1) await runOne();
  return batches;
}

async function nowAndThen(runOne: () => Promise<void>, millis: number, arrivals: Arrivals): Promise<number> {
  const startedAt = performance.now();
  const runs: Promise<void>[] = [];
  for (let due = arrivals.next(); due < millis; due = arrivals.next()) {
    const waitMs = startedAt + due - performance.now();
    if (waitMs > 1) await delay(waitMs);
    runs.push(runOne());
  }
  await Promise.all(runs);
  return runs.length;
}

interface Side {
  folder: string;
  child: ChildProcess;
}

async function open(folder: string): Promise<Side> {
  const child = fork(join(folder, 'bench/engine/paced.ts'), ['--threads', flags.threads], { cwd: folder });
  await once(child, 'message');
  return { folder, child };
}

async function measure({ child }: Side, asked: Asked): Promise<number> {
  child.send(asked);
  return ((await once(child, 'message')) as [number])[0];
}

/** By side, µs in each round; the first round is warm-up. */
async function inTurns(sides: readonly Side[], asked: Asked): Promise<number[][]> {
  const costs = sides.map((): number[] => []);
  for (let round = -1; round < Number(flags.rounds); round += 1) {
    const order = [...sides.keys()];
    for (const at of round % 2 === 0 ? order : order.toReversed()) {
      const micros = await measure(sides[at]!, asked);
      if (round >= 0) costs[at]!.push(micros);
    }
  }
  return costs;
}

async function main(): Promise<void> {
  const sides = await Promise.all([ROOT, ...flags.against.map((folder) => resolve(folder))].map(open));
  const { cpu, cores, loadAverage, commit } = describeMachine();
  console.log(`${cpu}, ${cores} cores, load ${loadAverage}, ${commit}; ${flags.threads} threads, batches of ${flags.batch}; µs of CPU a batch\n`);
  for (const [subject, { name, graph }] of SUBJECTS.entries()) {
    for (const everyMs of flags['every-ms'].split(',').map(Number)) {
      const [own, ...others] = await inTurns(sides, { subject, batch: Number(flags.batch), everyMs, millis: Number(flags.millis) });
      const compared = others.map((each, index) => `${flags.against[index]} ${number(median(each))}, ${number(median(each.map((us, round) => us - own![round]!)))} more`);
      console.log([`${name} ${graph}, ${everyMs === 0 ? 'one after the other' : `one every ${everyMs} ms`}: ${number(median(own!))}`, ...compared].join('; '));
    }
  }
  for (const { child } of sides) child.disconnect();
}
