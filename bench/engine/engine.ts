/**
 * What the engine costs above the bare runtime: the same graph and inputs in a loop on one thread with preallocated
 * tensors (A), through the engine one call at a time (B), and through the engine with two calls in flight, as a worker
 * keeps them (C). All pack the inputs anew. Interleaved rounds; medians, and the spread of the ratios.
 *
 *     node bench/engine/engine.ts [--rounds 9] [--millis 300] [--json]
 */
import { readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { GraphSpec, Variant } from '@tandem/schemas';
import { createOnnxEngine, type LoadedVariant } from '@tandem/shared/engine';
import { loadRegistry, variantName } from '@tandem/shared/registry';

const FIXTURES = fileURLToPath(new URL('../../shared/engine/fixtures/', import.meta.url));
const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));

interface Case {
  name: string;
  directory: string;
  variant: Variant;
  graph: string;
  dimensions: Record<string, number>;
}

/** Per call. CPU time is of the whole process, so it means something on a busy machine too. */
interface Cost {
  wallMs: number;
  cpuMs: number;
}

interface Contender {
  /** Runs for about so long. */
  measure(durationMs: number): Promise<Cost>;
}

const { values: flags } = parseArgs({ options: { rounds: { type: 'string', default: '9' }, millis: { type: 'string', default: '300' }, json: { type: 'boolean', default: false } } });

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

function fill(data: { length: number; [index: number]: number }): void {
  for (let index = 0; index < data.length; index += 1) data[index] = (index * 7) % 5 + 1;
}

async function bare({ directory, variant, graph, dimensions }: Case): Promise<Contender> {
  const spec = variant.graphs[graph]!;
  const session = await InferenceSession.create(directory + spec.file, { intraOpNumThreads: 1, interOpNumThreads: 1, executionMode: 'sequential' });
  const tensors = (specs: GraphSpec['inputs']) => Object.fromEntries(Object.entries(specs).map(([name, { type, shape }]) => {
    const dims = shape.map((dimension) => (typeof dimension === 'number' ? dimension : dimensions[dimension]!));
    const length = dims.reduce((product, size) => product * size, 1);
    const data = type === 'int32' ? new Int32Array(length) : new Float32Array(length);
    return [name, type === 'int32' ? new Tensor('int32', data as Int32Array, dims) : new Tensor('float32', data as Float32Array, dims)];
  }));
  const feeds = tensors(spec.inputs);
  const fetches = tensors(spec.outputs);
  const call = async () => {
    for (const { data } of Object.values(feeds)) fill(data);
    await session.run(feeds, fetches);
  };
  return { measure: (durationMs) => costOf(durationMs, [call]) };
}

/** Each lane calls again and again until the time is up. */
async function costOf(durationMs: number, lanes: readonly (() => Promise<void>)[]): Promise<Cost> {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  let calls = 0;
  await Promise.all(lanes.map(async (call) => {
    for (; performance.now() - startedAt < durationMs; calls += 1) await call();
  }));
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs: (performance.now() - startedAt) / calls, cpuMs: (user + system) / 1_000 / calls };
}

async function oneCall(loaded: LoadedVariant, { graph, dimensions }: Case): Promise<void> {
  const invocation = await loaded.prepare(graph, dimensions);
  for (const { data } of Object.values(invocation.inputs)) fill(data);
  await invocation.run();
  invocation.release();
}

function throughEngine(loaded: LoadedVariant, scenario: Case, inFlight: number): Contender {
  const call = () => oneCall(loaded, scenario);
  return { measure: (durationMs) => costOf(durationMs, new Array<typeof call>(inFlight).fill(call)) };
}

async function compare(scenario: Case) {
  await using engine = createOnnxEngine({ modelsDirectory: scenario.directory, threads: 1 });
  const loaded = await engine.load(scenario.variant);
  const contenders = [await bare(scenario), throughEngine(loaded, scenario, 1), throughEngine(loaded, scenario, 2)];
  for (const contender of contenders) await contender.measure(Number(flags.millis) / 2);
  const rounds: Cost[][] = [];
  for (let round = 0; round < Number(flags.rounds); round += 1) {
    const costs: Cost[] = [];
    for (const contender of contenders) costs.push(await contender.measure(Number(flags.millis)));
    rounds.push(costs);
  }
  return summary(scenario, rounds);
}

function summary({ name, dimensions: { batch = 1 } }: Case, rounds: readonly Cost[][]) {
  const medianOf = (pick: (costs: readonly Cost[]) => number) => median(rounds.map(pick));
  const cpuAbove = (index: number) => ((medianOf((costs) => costs[index]!.cpuMs - costs[0]!.cpuMs) * 1_000) / batch).toFixed(1);
  const ratios = rounds.map(([bareCost, , piped]) => bareCost!.wallMs / piped!.wallMs).toSorted((x, y) => x - y);
  return {
    case: name,
    batch,
    'bare ms': medianOf((costs) => costs[0]!.wallMs).toFixed(3),
    'engine ms': medianOf((costs) => costs[1]!.wallMs).toFixed(3),
    'two in flight ms': medianOf((costs) => costs[2]!.wallMs).toFixed(3),
    'bare CPU ms': medianOf((costs) => costs[0]!.cpuMs).toFixed(3),
    'CPU µs/request above': cpuAbove(1),
    'same, two in flight': cpuAbove(2),
    'throughput ÷ bare': median(ratios).toFixed(3),
    spread: `${ratios[1]?.toFixed(2)}–${ratios.at(-2)?.toFixed(2)}`,
  };
}

async function cases(): Promise<Case[]> {
  const graphs = JSON.parse(readFileSync(`${FIXTURES}graphs.json`, 'utf8')) as Record<string, GraphSpec>;
  const { variants } = await loadRegistry(MODELS);
  const named = (name: string) => variants.find((variant) => variantName(variant) === name);
  const nothing: Variant = {
    model: 'double', precision: 'fp32', version: '1', status: 'stable', adapter: 'none', limits: {}, lineage: {}, graphs: { double: graphs['double']! },
    accuracy: { metric: 'none', value: 1, others: {}, data: 'none', date: 'none' },
  };
  const both = (name: string, directory: string, variant: Variant | undefined, graph: string, dimensions: Record<string, number>) =>
    variant === undefined ? [] : [1, 32].map((batch): Case => ({ name, directory, variant, graph, dimensions: { batch, ...dimensions } }));
  return [
    ...both('nothing (y = 2x)', FIXTURES, nothing, 'double', { length: 8 }),
    ...both('small int8, candidates', MODELS, named('recommend-small.int8'), 'candidates', { length: 64, excluded: 1 }),
    ...both('large int8, rank 100', MODELS, named('recommend-large.int8'), 'rank', { length: 64, candidates: 100 }),
    ...both('large fp32, rank 100', MODELS, named('recommend-large.fp32'), 'rank', { length: 64, candidates: 100 }),
  ];
}

const results: Awaited<ReturnType<typeof compare>>[] = [];
for (const scenario of await cases()) results.push(await compare(scenario));
const machine = { cpu: cpus()[0]?.model, cores: cpus().length, load: loadavg()[0], node: process.version };
if (flags.json) console.log(JSON.stringify({ machine, results }));
else {
  console.log(machine);
  console.table(results);
}
