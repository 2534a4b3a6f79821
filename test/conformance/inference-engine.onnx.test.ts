import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Variant } from '@tandem/schemas';
import { createOnnxEngine } from '@tandem/shared/engine';
import { loadRegistry, variantName } from '@tandem/shared/registry';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { describeInferenceEngine, fixtureVariant, FIXTURES, infer } from './inference-engine.ts';

const MODELS = fileURLToPath(new URL('../../models/', import.meta.url));

describeInferenceEngine('ONNX Runtime', () => {
  const engine = createOnnxEngine({ modelsDirectory: FIXTURES, threads: 2, maxLeases: 4 });
  const loseNext = () => {
    engine.loseThread(0);
    engine.loseThread(1);
  };
  return { engine, loseNext };
});

test('an execution provider that is not there is passed over with a warning that names it and the reason', async () => {
  const lines: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) });
  await using engine = createOnnxEngine({ modelsDirectory: FIXTURES, threads: 1, providers: ['imaginary', { name: 'cpu' }], logger });
  const loaded = await engine.load(fixtureVariant(['double']));
  expect(loaded.provider).toBe('cpu');
  expect(JSON.parse(lines[0]!)).toMatchObject({ provider: 'imaginary', instead: 'cpu', reason: expect.stringContaining('no such execution provider') });
  const { outputs } = await infer(loaded, 'double', { batch: 1, length: 1 }, { x: [4] });
  expect(outputs['y']!.data[0]).toBe(8);
});

test.each([1, 2])('requests that are sent throughout while %i threads are recycled are all answered, each with its own result', async (threads) => {
  await using engine = createOnnxEngine({ modelsDirectory: FIXTURES, threads, maxLeases: 8 });
  const loaded = await engine.load(fixtureVariant(['slow']));
  const wrong: unknown[] = [];
  let [asked, answered, recycling] = [0, 0, true];
  const client = async () => {
    while (recycling && wrong.length === 0) {
      const x = (asked += 1);
      const y = await infer(loaded, 'slow', { batch: 1 }, { x: [x], rounds: [20] }).then(({ outputs }) => outputs['y']!.data[0], (error: unknown) => error);
      answered += 1;
      if (y !== x) wrong.push(y);
    }
  };
  const clients = Array.from({ length: 6 }, client);
  const more = async (count: number) => {
    const from = answered;
    await expect.poll(() => answered - from, { timeout: 30_000, interval: 5 }).toBeGreaterThanOrEqual(count);
  };
  for (let index = 0; index < threads; index += 1) {
    await more(12);
    await engine.recycleThread(index);
  }
  await more(12);
  recycling = false;
  await Promise.all(clients);
  expect(answered).toBe(asked);
  expect(wrong).toEqual([]);
}, 60_000);

test('a process that exits while a batch runs ends with its own exit code', async () => {
  const script = `
    import { createOnnxEngine } from '@tandem/shared/engine';
    const engine = createOnnxEngine({ modelsDirectory: ${JSON.stringify(FIXTURES)}, threads: 1 });
    const loaded = await engine.load(${JSON.stringify(fixtureVariant(['slow']))});
    const invocation = await loaded.prepare('slow', { batch: 1 });
    invocation.inputs.rounds.data[0] = 500;
    void invocation.run();
    setTimeout(() => process.exit(7), 20);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: fileURLToPath(new URL('../../', import.meta.url)) });
  const [code] = (await once(child, 'exit')) as [number | null];
  expect(code).toBe(7);
});

interface Golden {
  tolerance: number;
  cases: { model: string; precision: string; graph: string; inputs: Record<string, Flat>; outputs: Record<string, Flat> }[];
}

interface Flat {
  shape: number[];
  data: number[];
}

/** Sizes of the dynamic dimensions as the golden inputs have them. */
function dimensionsOf(variant: Variant, { graph, inputs }: Golden['cases'][number]): Record<string, number> {
  const sizes: Record<string, number> = {};
  for (const [name, { shape }] of Object.entries(variant.graphs[graph]!.inputs)) {
    shape.forEach((dimension, axis) => {
      if (typeof dimension === 'string') sizes[dimension] = inputs[name]!.shape[axis]!;
    });
  }
  return sizes;
}

const golden = JSON.parse(readFileSync(`${MODELS}golden.json`, 'utf8')) as Golden;

test.each(golden.cases.map((golden) => [`${golden.model}.${golden.precision} ${golden.graph}`, golden] as const))(
  'the released model answers as it did when it was exported: %s', async (_, expected) => {
    const { variants } = await loadRegistry(MODELS);
    const variant = variants.find((known) => variantName(known) === `${expected.model}.${expected.precision}`)!;
    await using engine = createOnnxEngine({ modelsDirectory: MODELS, threads: 1 });
    const loaded = await engine.load(variant);
    const inputs = Object.fromEntries(Object.entries(expected.inputs).map(([name, { data }]) => [name, data]));
    const { outputs } = await infer(loaded, expected.graph, dimensionsOf(variant, expected), inputs);
    for (const [name, { shape, data }] of Object.entries(expected.outputs)) {
      expect(outputs[name]!.dims).toEqual(shape);
      const actual = outputs[name]!.data;
      const furthest = data.reduce((most, value, index) => Math.max(most, Math.abs(value - actual[index]!)), 0);
      expect(furthest).toBeLessThanOrEqual(golden.tolerance);
    }
  });

test('every released variant loads', async () => {
  expect(existsSync(`${MODELS}registry.json`)).toBe(true);
  const { variants, refused } = await loadRegistry(MODELS);
  expect(refused).toEqual([]);
  expect(variants.length).toBeGreaterThan(0);
  await using engine = createOnnxEngine({ modelsDirectory: MODELS, threads: 1 });
  for (const variant of variants) await expect(engine.load(variant).then(({ provider }) => provider)).resolves.toBe('cpu');
});
