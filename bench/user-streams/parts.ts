/** What the parts of a fine request cost in ONNX Runtime alone: see HELP. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { seededRandom } from '@tandem/shared/random';
import { median } from '@tandem/shared/statistics';
import { number } from '../harness/format.ts';
import { describeMachine } from '../harness/machine.ts';
import { MODELS } from './side.ts';

const HELP = `Measures a step over cached prefixes, a prefill and a ranking of whole histories in ONNX Runtime alone, one thread, by batch size: what
bounds the ratio of bench:user-streams. Then the operators of a step.

  npm run bench:user-streams:parts -- [--precision fp32] [--batch 1,2,8,32] [--length 96] [--users 604] [--rounds 5] [--requests 2000] [--help]

Graphs take turns within each round; medians of the rounds. Histories have --length items, prefixes 64 to 127 of --users slots.
`;

const { values: flags } = parseArgs({
  options: {
    precision: { type: 'string', default: 'fp32' }, batch: { type: 'string', default: '1,2,8,32' }, length: { type: 'string', default: '96' }, users: { type: 'string', default: '604' },
    rounds: { type: 'string', default: '5' }, requests: { type: 'string', default: '2000' }, help: { type: 'boolean', short: 'h', default: false },
  },
});
const GRAPHS = ['step', 'prefill', 'rank'] as const;
type Graph = (typeof GRAPHS)[number];

const CANDIDATES = 100;
const ITEMS = 3_883;
/** Of a slot: keys and values of three layers, one head, 128 positions of 32 numbers. */
const SLOT = [6, 1, 128, 32] as const;
const [LENGTH, USERS, REQUESTS] = [Number(flags.length), Number(flags.users), Number(flags.requests)];
const next = seededRandom(1, 'parts');

if (flags.help) process.stdout.write(HELP);
else await main();

function ids(dims: readonly number[], from: number, to: number): Tensor {
  const data = Int32Array.from({ length: dims.reduce((product, size) => product * size, 1) }, () => from + Math.floor(next() * (to - from)));
  return new Tensor('int32', data, dims);
}

function openGraph(graph: Graph, more: InferenceSession.SessionOptions = {}): Promise<InferenceSession> {
  return InferenceSession.create(join(MODELS, `recommend-large/${graph}.${flags.precision}.onnx`), { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential', ...more });
}

function feedsOf(graph: Graph, batch: number, pool: Tensor): Record<string, Tensor> {
  const candidates = ids([batch, CANDIDATES], 1, ITEMS);
  if (graph !== 'step') return { history: ids([batch, LENGTH], 1, ITEMS), candidates };
  return { item: ids([batch], 1, ITEMS), pastLength: ids([batch], 64, SLOT[2]), slot: ids([batch], 0, USERS), pool, candidates };
}

/** µs of CPU a request. */
async function cost(session: InferenceSession, graph: Graph, batch: number, pool: Tensor): Promise<number> {
  const calls = Math.max(5, Math.round((graph === 'step' ? REQUESTS : REQUESTS / 8) / batch));
  const feeds = Array.from({ length: calls }, () => feedsOf(graph, batch, pool));
  const before = process.cpuUsage();
  for (const each of feeds) await session.run(each);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / (calls * batch);
}

interface ProfileEvent {
  cat: string;
  name: string;
  dur: number;
  args: { op_name?: string; output_type_shape?: Record<string, number[]>[] };
}

/** What is gathered is told by its shape. */
function label({ op_name: operator = '', output_type_shape: outputs = [] }: ProfileEvent['args']): string {
  return operator === 'Gather' ? `Gather [${Object.values(outputs[0] ?? {})[0]?.join(' × ') ?? ''}]` : operator;
}

/** Operators of a step, µs a request, most first; the profiler's own time is in them. */
async function operators(batch: number, pool: Tensor): Promise<[string, number][]> {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-parts-'));
  try {
    const session = await openGraph('step', { enableProfiling: true, profileFilePrefix: join(folder, 'step') });
    await cost(session, 'step', batch, pool);
    const calls = Math.max(5, Math.round(REQUESTS / batch));
    session.endProfiling();
    await session.release();
    const events = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8')) as ProfileEvent[];
    const by = new Map<string, number>();
    for (const { cat, name, dur, args } of events) {
      if (cat === 'Node' && name.endsWith('kernel_time')) by.set(label(args), (by.get(label(args)) ?? 0) + dur / (calls * batch));
    }
    return [...by].sort(([, a], [, b]) => b - a);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function main(): Promise<void> {
  const pool = new Tensor('float32', Float32Array.from({ length: USERS * SLOT.reduce<number>((product, size) => product * size, 1) }, () => next() - 0.5), [USERS, ...SLOT]);
  const sessions = await Promise.all(GRAPHS.map((graph) => openGraph(graph)));
  const { cpu, cores, loadAverage, commit } = describeMachine();
  console.log(`recommend-large.${flags.precision}, ${cpu}, ${cores} cores, load ${loadAverage}, ${commit}; µs of CPU a request\n\n| batch | step | prefill | rank | rank ÷ step |\n|---:|---:|---:|---:|---:|`);
  const sizes = flags.batch.split(',').map(Number);
  for (const batch of sizes) {
    const rounds: number[][] = [];
    for (let round = 0; round <= Number(flags.rounds); round += 1) {
      const costs: number[] = [];
      for (const [index, graph] of GRAPHS.entries()) costs.push(await cost(sessions[index]!, graph, batch, pool));
      rounds.push(costs);
    }
    // The first is warm-up.
    const [step, prefill, rank] = GRAPHS.map((_, index) => median(rounds.slice(1).map((costs) => costs[index]!)));
    console.log(`| ${batch} | ${number(step!)} | ${number(prefill!)} | ${number(rank!)} | ${number(rank! / step!)} |`);
  }
  const most = Math.max(...sizes);
  console.log(`\nOperators of a step, batch ${most}: ${(await operators(most, pool)).slice(0, 10).map(([name, each]) => `${name} ${number(each)}`).join(', ')}`);
}
