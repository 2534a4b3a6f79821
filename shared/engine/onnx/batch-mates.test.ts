import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../random/index.ts';
import { loadRegistry, variantName } from '../../registry/index.ts';
import type { LoadedVariant } from '../types.ts';
import { createOnnxEngine } from './onnx-engine.ts';

const MODELS = fileURLToPath(new URL('../../../models/', import.meta.url));
const MATES = 31;
const LONGEST = 128;
const SIZES: Readonly<Record<string, number>> = { excluded: 4, candidates: 100, slots: 32, positions: 32 };
/** The largest difference that a row's scores may have alone and among others; stated in docs/engine.md. */
const BOUND = 1e-4;
const ROW_OUTPUTS = ['scores', 'probabilities', 'confidence', 'state', 'kv', 'kvStep'];

const random = seededRandom(11, 'batch mates');
const upTo = (count: number) => Math.floor(random() * count);

/** One row's inputs by name, without padding. */
function randomRow(items: number): Record<string, () => number[]> {
  const history = Array.from({ length: 1 + upTo(LONGEST) }, () => 1 + upTo(items));
  const row: Record<string, number[]> = {
    history,
    exclude: Array.from({ length: 4 }, () => upTo(items)),
    candidates: Array.from({ length: 100 }, () => 1 + upTo(items)),
    pixels: Array.from({ length: 64 }, () => upTo(17)),
    item: [1 + upTo(items)], pastLength: [upTo(32)], slot: [upTo(32)],
    state: Array.from({ length: 128 }, () => random() - 0.5),
  };
  return Object.fromEntries(Object.entries(row).map(([name, values]) => [name, () => values]));
}

type Row = ReturnType<typeof randomRow>;

/** A row's keys and values [parts, heads, positions, width] at the positions of its own history. */
function withoutPadding(values: readonly number[], [, , , positions, width]: readonly number[], length: number): number[] {
  return values.filter((_, place) => Math.floor(place / width!) % positions! < length);
}

/** Outputs by name, row by row, as a batch of these rows gives them. */
async function run(loaded: LoadedVariant, graph: string, rows: readonly Row[], pool: Float32Array): Promise<Record<string, number[][]>> {
  const length = Math.max(...rows.map((row) => row['history']!().length));
  const invocation = await loaded.prepare(graph, { ...SIZES, batch: rows.length, length });
  for (const [name, { dims, data }] of Object.entries(invocation.inputs)) {
    if (name === 'pool') data.set(pool.subarray(0, data.length));
    else rows.forEach((row, index) => data.set(row[name]!(), index * dims.slice(1).reduce((product, size) => product * size, 1)));
  }
  const { outputs } = await invocation.run();
  const byRow = Object.entries(outputs).filter(([name]) => ROW_OUTPUTS.includes(name)).map(([name, { dims, data }]) => {
    const width = data.length / rows.length;
    const own = rows.map((_, index) => [...data.subarray(index * width, (index + 1) * width)]);
    return [name, name === 'kv' ? own.map((values, index) => withoutPadding(values, dims, rows[index]!['history']!().length)) : own];
  });
  invocation.release();
  return Object.fromEntries(byRow) as Record<string, number[][]>;
}

const { variants } = await loadRegistry(MODELS);
const quantised = variants.filter(({ precision }) => precision === 'int8').flatMap((variant) => Object.keys(variant.graphs).map((graph) => [`${variantName(variant)} ${graph}`, variant, graph] as const));

test.each(quantised)('%s gives a row the same scores alone as among 31 others, padding included', async (_, variant, graph) => {
  const engine = createOnnxEngine({ modelsDirectory: MODELS, threads: 1 });
  onTestFinished(() => engine.close());
  const loaded = await engine.load({ ...variant, graphs: { [graph]: variant.graphs[graph]! } });
  const rows = Array.from({ length: MATES + 1 }, () => randomRow(variant.catalogue?.items ?? 1));
  const pool = Float32Array.from({ length: 32 * 6 * 4 * 32 * 32 }, () => random() - 0.5);
  const together = await run(loaded, graph, rows, pool);
  let largest = 0;
  for (const [index, row] of rows.entries()) {
    const alone = await run(loaded, graph, [row], pool);
    for (const [name, [values]] of Object.entries(alone)) {
      expect(values!.length).toBe(together[name]![index]!.length);
      values!.forEach((value, place) => (largest = Math.max(largest, Math.abs(value - together[name]![index]![place]!))));
    }
  }
  expect(Object.keys(together).length).toBeGreaterThan(0);
  expect(largest).toBeLessThanOrEqual(BOUND);
}, 60_000);
