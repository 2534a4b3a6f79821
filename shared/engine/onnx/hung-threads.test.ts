import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { GraphSpec, Variant } from '@tandem/schemas';
import type { Invocation, LoadedVariant } from '../types.ts';
import { createOnnxEngine } from './onnx-engine.ts';
import type { OnnxEngineOptions } from './options.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));
const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
const graphs = JSON.parse(readFileSync(`${FIXTURES}graphs.json`, 'utf8')) as Record<string, GraphSpec>;
/** Of the slow model: far beyond the bound, and still over soon. */
const LONG = 9_000;

const variant = (names: readonly string[]): Variant => ({
  model: 'fixture', precision: 'fp32', version: '1', status: 'stable', adapter: 'none', lineage: {}, limits: { rounds: 1 },
  accuracy: { metric: 'accuracy', value: 1, others: {}, data: 'none', date: '2026-01-01' },
  graphs: Object.fromEntries(names.map((name) => [name, graphs[name]!])),
});

function engineWith(options: Partial<OnnxEngineOptions> = {}) {
  const abandoned: number[] = [];
  const engine = createOnnxEngine({ modelsDirectory: FIXTURES, threads: 1, runTimeoutMs: 1_000, onAbandoned: (count) => abandoned.push(count), ...options });
  onTestFinished(async () => {
    // What hangs has to come back: a test runner must not be killed.
    await vi.waitFor(() => expect(abandoned.at(-1) ?? 0).toBe(0), { timeout: 110_000, interval: 100 });
    await engine.close();
  }, 120_000);
  return { engine, abandoned };
}

/** Runs a module in a process of its own, where `runForEver` begins what never ends; its standard output, and how it ended. */
async function inProcess(body: string) {
  const script = `
    import { createOnnxEngine } from '@tandem/shared/engine';
    const options = { modelsDirectory: ${JSON.stringify(FIXTURES)}, runTimeoutMs: 2_000 };
    const variant = ${JSON.stringify(variant(['slow', 'double']))};
    const runForEver = async (loaded) => {
      const invocation = await loaded.prepare('slow', { batch: 1 });
      invocation.inputs.rounds.data[0] = 2_000_000_000;
      await invocation.run().catch(({ code }) => console.log(code));
      invocation.release();
    };
    ${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: REPOSITORY });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  const [, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return { lines: output.trim().split('\n'), signal };
}

async function slow(loaded: LoadedVariant, rounds: number): Promise<Invocation> {
  const invocation = await loaded.prepare('slow', { batch: 1 });
  invocation.inputs['x']!.data[0] = 1;
  invocation.inputs['rounds']!.data[0] = rounds;
  return invocation;
}

test('a run beyond its bound fails as hung; a fresh thread serves what comes next, with other buffers', async () => {
  const { engine, abandoned } = engineWith({ maxLeases: 1 });
  const loaded = await engine.load(variant(['slow']));
  const stuck = await slow(loaded, LONG);
  const { buffer } = stuck.inputs['x']!.data;
  await expect(stuck.run()).rejects.toMatchObject({ code: 'thread_hung', retryable: true });
  expect(abandoned).toEqual([1]);
  await expect(stuck.run()).rejects.toMatchObject({ code: 'invocation_misused' });
  stuck.release();
  const next = await slow(loaded, 1);
  expect(next.inputs['x']!.data.buffer).not.toBe(buffer);
  expect((await next.run()).outputs['y']!.data[0]).toBe(1);
  next.release();
}, 90_000);

test('when as many threads hang as should run, the owner is told, once; others serve on', async () => {
  const { lines } = await inProcess(`
    const engine = createOnnxEngine({
      ...options, threads: 2, onAbandoned: (count) => console.log('abandoned', count), onExhausted: () => console.log('exhausted'),
    });
    const loaded = await engine.load(variant);
    await Promise.all([runForEver(loaded), runForEver(loaded)]);
    const quick = await loaded.prepare('double', { batch: 1, length: 1 });
    quick.inputs.x.data[0] = 4;
    console.log((await quick.run()).outputs.y.data[0]);
    quick.release();
    await engine.close();`);
  expect(lines.toSorted()).toEqual(['8', 'abandoned 1', 'abandoned 2', 'exhausted', 'thread_hung', 'thread_hung']);
}, 90_000);

test('a process with a thread that never comes back ends all the same', async () => {
  const { lines, signal } = await inProcess(`
    const engine = createOnnxEngine({ ...options, threads: 1 });
    await runForEver(await engine.load(variant));
    await engine.close();
    console.log('closed');`);
  expect(lines).toEqual(['thread_hung', 'closed']);
  expect(signal).toBe('SIGKILL');
}, 90_000);

test('a batch that needs more memory than there is fails as that, and can be tried in parts', async () => {
  const { engine } = engineWith({ runTimeoutMs: 30_000 });
  const loaded = await engine.load(variant(['greedy']));
  const run = async (sizes: readonly number[]) => {
    const invocation = await loaded.prepare('greedy', { batch: sizes.length });
    invocation.inputs['sizes']!.data.set(sizes);
    return invocation.run().finally(() => invocation.release());
  };
  // A thousand billion floats; a million alone is nothing.
  await expect(run([1_000_000, 1_000_000])).rejects.toMatchObject({ code: 'inference_out_of_memory', retryable: true });
  expect((await run([1_000_000])).outputs['y']!.data[0]).toBe(1_000_000);
});
