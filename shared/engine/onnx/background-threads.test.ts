import { readFileSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { GraphSpec, Variant } from '@tandem/schemas';
import type { LoadedVariant } from '../types.ts';
import type { ThreadCommand } from './messages.ts';
import { createOnnxEngine } from './onnx-engine.ts';
import type { OnnxEngineOptions } from './options.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));
const graphs = JSON.parse(readFileSync(`${FIXTURES}graphs.json`, 'utf8')) as Record<string, GraphSpec>;
const variant = (names: readonly string[]): Variant => ({
  model: 'fixture', precision: 'fp32', version: '1', status: 'stable', adapter: 'none', lineage: {}, limits: { rounds: 1 },
  accuracy: { metric: 'accuracy', value: 1, others: {}, data: 'none', date: '2026-01-01' },
  graphs: Object.fromEntries(names.map((name) => [name, graphs[name]!])),
});

async function loadedBy(options: Partial<OnnxEngineOptions>, names = ['double', 'slow']) {
  const engine = createOnnxEngine({ modelsDirectory: FIXTURES, threads: 1, backgroundThreads: 1, ...options });
  onTestFinished(() => engine.close());
  return { engine, loaded: await engine.load(variant(names)) };
}

async function doubled(through: Pick<LoadedVariant, 'prepare'>, x: number): Promise<number | undefined> {
  const invocation = await through.prepare('double', { batch: 1, length: 1 });
  try {
    invocation.inputs['x']!.data[0] = x;
    return (await invocation.run()).outputs['y']!.data[0];
  } finally {
    invocation.release();
  }
}

async function slow(through: Pick<LoadedVariant, 'prepare'>, rounds: number): Promise<number> {
  const invocation = await through.prepare('slow', { batch: 1 });
  invocation.inputs['rounds']!.data[0] = rounds;
  const { computeMs } = await invocation.run();
  invocation.release();
  return computeMs;
}

/** Threads of this process that run at the lowest priority. */
function niceThreads(): number {
  const priorityOf = (thread: string) => {
    try {
      // proc(5): the 19th field; the second is a name in parentheses, which may hold anything.
      return Number(readFileSync(`/proc/self/task/${thread}/stat`, 'utf8').split(') ').at(-1)!.split(' ')[16]);
    } catch {
      return 0;
    }
  };
  return readdirSync('/proc/self/task').filter((thread) => priorityOf(thread) === 19).length;
}

test.runIf(process.platform === 'linux')('what is prepared in the background runs on threads of its own, at the lowest priority, which start with the first of it', async () => {
  const before = niceThreads();
  const { engine, loaded } = await loadedBy({});
  expect([engine.concurrency, engine.backgroundConcurrency]).toEqual([1, 1]);
  expect(loaded.memoryBytes).toBe(2 * (graphs['double']!.bytes + graphs['slow']!.bytes));
  expect(await doubled(loaded, 3)).toBe(6);
  expect(niceThreads()).toBe(before);
  expect(await doubled(loaded.background!, 4)).toBe(8);
  expect(niceThreads()).toBeGreaterThan(before);
  // What is loaded later is on them too.
  const later = await engine.load(variant(['lookup']));
  const invocation = await later.background!.prepare('lookup', { batch: 1 });
  invocation.inputs['ids']!.data[0] = 5;
  expect((await invocation.run()).outputs['score']!.data[0]).toBe(50);
  invocation.release();
});

test.runIf(process.platform === 'linux')('nobody waits for what runs in the background', async () => {
  const { loaded } = await loadedBy({});
  await doubled(loaded.background!, 1);
  const ended: string[] = [];
  const long = slow(loaded.background!, 600).then(() => ended.push('long'));
  await doubled(loaded, 1).then(() => ended.push('short'));
  await long;
  expect(ended).toEqual(['short', 'long']);
});

test.runIf(process.platform === 'linux')('its time is what it computed, without the time in which others went before it', async () => {
  const { loaded } = await loadedBy({ threads: availableParallelism() });
  const aloneMs = await slow(loaded.background!, 100);
  let goesOn = true;
  const busy = Array.from({ length: availableParallelism() }, async () => {
    while (goesOn) await slow(loaded, 100);
  });
  const startedAt = performance.now();
  const computeMs = await slow(loaded.background!, 100);
  const tookMs = performance.now() - startedAt;
  goesOn = false;
  await Promise.all(busy);
  expect(computeMs).toBeLessThan(tookMs);
  expect(computeMs).toBeGreaterThan(aloneMs / 10);
});

test.runIf(process.platform === 'linux')('a thread of the background that dies is replaced, with its priority', async () => {
  const { engine, loaded } = await loadedBy({});
  await doubled(loaded.background!, 1);
  const before = niceThreads();
  engine.loseThread(1);
  await expect(doubled(loaded.background!, 2)).rejects.toMatchObject({ code: 'engine_thread_lost' });
  expect(await doubled(loaded.background!, 3)).toBe(6);
  expect(await doubled(loaded, 4)).toBe(8);
  await vi.waitFor(() => expect(niceThreads()).toBe(before), { timeout: 10_000 });
});

test('there is no background where none is wanted, nor where an accelerator would not know of it', async () => {
  expect((await loadedBy({ backgroundThreads: 0 })).loaded.background).toBeUndefined();
  expect((await loadedBy({ providers: ['cuda', 'cpu'] })).engine.backgroundConcurrency).toBe(0);
  expect(() => createOnnxEngine({ modelsDirectory: FIXTURES, backgroundThreads: 129 })).toThrow(/backgroundThreads is 129; it must be an integer from 0 to 128/);
});

test('a graph that is being loaded while a thread in the background starts is loaded on it once', async () => {
  const { engine, loaded } = await loadedBy({});
  const loads: [thread: Worker, graph: number][] = [];
  let inBackground: Promise<unknown> | undefined;
  const post = Worker.prototype.postMessage;
  const posted = vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, message: ThreadCommand) {
    if (message.kind === 'load') loads.push([this, message.graph.id]);
    post.call(this, message);
    // The first thread has been told of it, and has not answered yet.
    if (message.kind === 'load') inBackground ??= doubled(loaded.background!, 4);
  });
  onTestFinished(() => posted.mockRestore());
  await engine.load(variant(['lookup']));
  expect(await inBackground).toBe(8);
  const threads = new Set(loads.map(([thread]) => thread));
  expect(threads.size).toBe(2);
  for (const thread of threads) {
    const graphsOfIt = loads.filter(([other]) => other === thread).map(([, graph]) => graph);
    expect(graphsOfIt).toEqual([...new Set(graphsOfIt)]);
  }
});
