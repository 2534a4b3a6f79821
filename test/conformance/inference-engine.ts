import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { GraphSpec, Variant } from '@tandem/schemas';
import type { Dimensions, InferenceEngine, InvocationResult, LoadedVariant, TensorData } from '@tandem/shared/engine';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** Tiny graphs: double (y = 2x), half (the same in float16), lookup (fails on ids above 7), nonzero, wide (int64), slow. */
export const FIXTURES = fileURLToPath(new URL('../../shared/engine/fixtures/', import.meta.url));
const graphs = JSON.parse(readFileSync(`${FIXTURES}graphs.json`, 'utf8')) as Record<string, GraphSpec>;

/** What the suite needs of an implementation. */
export interface EngineUnderTest {
  /** Two at once, four leases, models out of FIXTURES. The suite closes it. */
  engine: InferenceEngine;
  /** Whoever takes the next batch dies of it; undefined: nobody can die. */
  loseNext?(): void;
}

export function fixtureVariant(names: readonly string[], over: Partial<Variant> = {}): Variant {
  return {
    model: 'fixture', precision: 'fp32', version: '1', status: 'stable', adapter: 'classify', lineage: {}, limits: { rounds: 1 },
    accuracy: { metric: 'accuracy', value: 1, others: {}, data: 'none', date: '2026-01-01' },
    graphs: Object.fromEntries(names.map((name) => [name, graphs[name]!])),
    ...over,
  };
}

/** Runs one batch and copies the outputs out. */
export async function infer(
  loaded: LoadedVariant, graph: string, dimensions: Dimensions, inputs: Record<string, ArrayLike<number>>,
): Promise<{ outputs: InvocationResult['outputs']; computeMs: number }> {
  const invocation = await loaded.prepare(graph, dimensions);
  try {
    for (const [name, values] of Object.entries(inputs)) invocation.inputs[name]!.data.set(values);
    const { outputs, computeMs } = await invocation.run();
    return { outputs: copyOf(outputs), computeMs };
  } finally {
    invocation.release();
  }
}

function copyOf(outputs: InvocationResult['outputs']): InvocationResult['outputs'] {
  return Object.fromEntries(Object.entries(outputs).map(([name, { dims, data }]) => [name, { dims, data: data.slice() }]));
}

const numbers = (data: TensorData | undefined): number[] => [...(data ?? [])];

/** The precise meaning of the InferenceEngine port; every implementation passes it. */
export function describeInferenceEngine(name: string, create: () => EngineUnderTest): void {
  describe(`inference engine: ${name}`, { timeout: 60_000 }, () => {
    let engine: InferenceEngine;
    let loseNext: EngineUnderTest['loseNext'];

    beforeEach(() => {
      ({ engine, loseNext } = create());
    });

    afterEach(async () => {
      await engine.close();
    });

    describe('running', () => {
      it('gives the outputs of the inputs, with their shapes and the time of the inference', async () => {
        const { outputs, computeMs } = await infer(await engine.load(fixtureVariant(['double'])), 'double', { batch: 2, length: 3 }, { x: [1, 2, 3, 4, 5, 6] });
        expect(outputs['y']!.dims).toEqual([2, 3]);
        expect(numbers(outputs['y']!.data)).toEqual([2, 4, 6, 8, 10, 12]);
        expect(computeMs).toBeGreaterThan(0);
      });

      it('never mixes answers, whatever the sizes and however many run at once', async () => {
        const loaded = await engine.load(fixtureVariant(['double']));
        const batch = fc.record({ batch: fc.integer({ min: 1, max: 40 }), length: fc.integer({ min: 1, max: 200 }), seed: fc.integer() });
        await fc.assert(fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 30 }), async (batches) => {
          await Promise.all(batches.map(async ({ batch: rows, length, seed }) => {
            const x = Float32Array.from({ length: rows * length }, (_, index) => (seed % 1_000) + index);
            const { outputs } = await infer(loaded, 'double', { batch: rows, length }, { x });
            expect(outputs['y']!.data).toEqual(x.map((value) => 2 * value));
          }));
        }), { numRuns: 20 });
      });

      it('hands out zeroed inputs, also in buffers that have been used', async () => {
        const loaded = await engine.load(fixtureVariant(['double']));
        for (let round = 0; round < 8; round += 1) await infer(loaded, 'double', { batch: 4, length: 8 }, { x: new Float32Array(32).fill(7) });
        const { outputs } = await infer(loaded, 'double', { batch: 3, length: 9 }, {});
        expect(numbers(outputs['y']!.data)).toEqual(new Array(27).fill(0));
      });

      it('gives outputs whose size only the model knows', async () => {
        const loaded = await engine.load(fixtureVariant(['nonzero']));
        const { outputs } = await infer(loaded, 'nonzero', { batch: 2, length: 2 }, { x: [1, -2, 3, 4] });
        expect(outputs['found']!.dims).toEqual([3]);
        expect(numbers(outputs['found']!.data)).toEqual([1, 3, 4]);
      });

      it('takes and gives int64 as numbers of 32 bits, negative ones too, and as often as it is run', async () => {
        const loaded = await engine.load(fixtureVariant(['wide']));
        for (const ids of [[5, -7, 0, 46_340], [-1, -1, -1, -1]]) {
          const { outputs } = await infer(loaded, 'wide', { batch: 2, length: 2 }, { ids });
          expect(numbers(outputs['next']!.data)).toEqual(ids.map((id) => id + 1));
          expect(numbers(outputs['square']!.data)).toEqual(ids.map((id) => id * id));
          expect(numbers(outputs['positive']!.data)).toEqual(ids.filter((id) => id > 0));
        }
      });

      it('fails a run whose numbers need more than 32 bits, and goes on', async () => {
        const loaded = await engine.load(fixtureVariant(['wide']));
        await expect(infer(loaded, 'wide', { batch: 1, length: 1 }, { ids: [46_341] })).rejects.toMatchObject({ code: 'inference_failed', message: expect.stringContaining('square') as string });
        const { outputs } = await infer(loaded, 'wide', { batch: 1, length: 1 }, { ids: [3] });
        expect(numbers(outputs['square']!.data)).toEqual([9]);
      });

      it('takes and gives float16 as its bits', async () => {
        const loaded = await engine.load(fixtureVariant(['half']));
        const { outputs } = await infer(loaded, 'half', { batch: 1 }, { x: [0x3c00, 0x4000] });
        expect(outputs['y']!.data).toEqual(Uint16Array.of(0x4000, 0x4400));
      });

      it('leaves the caller free while a model runs', async () => {
        const loaded = await engine.load(fixtureVariant(['slow']));
        let turns = 0;
        const running = infer(loaded, 'slow', { batch: 1 }, { x: [1], rounds: [200] }).then(() => 'done');
        while ((await Promise.race([running, new Promise((resolve) => setImmediate(resolve, 'free'))])) === 'free') turns += 1;
        expect(turns).toBeGreaterThan(3);
      });
    });

    describe('leases', () => {
      it('waits while all buffers are leased, and goes on with the first that comes back', async () => {
        const loaded = await engine.load(fixtureVariant(['double']));
        const leases = await Promise.all([1, 2, 3, 4].map(() => loaded.prepare('double', { batch: 1, length: 1 })));
        let fifth = 'waiting';
        const waiting = loaded.prepare('double', { batch: 1, length: 1 }).then((lease) => {
          fifth = 'leased';
          return lease;
        });
        await new Promise((resolve) => setImmediate(resolve));
        expect(fifth).toBe('waiting');
        leases[2]!.release();
        const late = await waiting;
        expect(fifth).toBe('leased');
        for (const lease of [leases[0]!, leases[1]!, leases[3]!, late]) lease.release();
      });

      it('can be released twice without being given to two', async () => {
        const loaded = await engine.load(fixtureVariant(['double']));
        const first = await loaded.prepare('double', { batch: 1, length: 1 });
        first.release();
        first.release();
        const [one, two] = await Promise.all([loaded.prepare('double', { batch: 1, length: 1 }), loaded.prepare('double', { batch: 1, length: 1 })]);
        one.inputs['x']!.data[0] = 1;
        two.inputs['x']!.data[0] = 2;
        expect(one.inputs['x']!.data[0]).toBe(1);
        one.release();
        two.release();
      });

      it.each([[{ batch: 1 }, 'length'], [{ batch: -1, length: 1 }, 'batch'], [{ batch: 1.5, length: 1 }, 'batch']])(
        'refuses dimensions %o, naming %s', async (dimensions, named) => {
          const loaded = await engine.load(fixtureVariant(['double']));
          await expect(loaded.prepare('double', dimensions as unknown as Dimensions)).rejects.toMatchObject({ code: 'invalid_dimensions', message: expect.stringContaining(named) as string });
        });

      it('refuses a graph that the variant does not have', async () => {
        const loaded = await engine.load(fixtureVariant(['double']));
        await expect(loaded.prepare('triple', { batch: 1 })).rejects.toMatchObject({ code: 'unknown_graph' });
      });
    });

    describe('failures', () => {
      it('reports a model error as inference_failed, and goes on', async () => {
        const loaded = await engine.load(fixtureVariant(['lookup']));
        for (let round = 0; round < 6; round += 1) {
          await expect(infer(loaded, 'lookup', { batch: 2 }, { ids: [3, 99] })).rejects.toMatchObject({ code: 'inference_failed', retryable: false });
        }
        const { outputs } = await infer(loaded, 'lookup', { batch: 2 }, { ids: [3, 7] });
        expect(numbers(outputs['score']!.data)).toEqual([30, 70]);
      });

      it('reports a lost thread as retryable; the same invocation can run again', async ({ skip }) => {
        if (loseNext === undefined) return skip();
        const loaded = await engine.load(fixtureVariant(['lookup', 'double']));
        const invocation = await loaded.prepare('lookup', { batch: 1 });
        invocation.inputs['ids']!.data[0] = 5;
        loseNext();
        await expect(invocation.run()).rejects.toMatchObject({ code: 'engine_thread_lost', retryable: true });
        const { outputs } = await invocation.run().catch(() => invocation.run());
        expect(numbers(outputs['score']!.data)).toEqual([50]);
        invocation.release();
      });

      it('serves at full strength after every thread has been lost', async ({ skip }) => {
        if (loseNext === undefined) return skip();
        const loaded = await engine.load(fixtureVariant(['double']));
        loseNext();
        const attempts = await Promise.allSettled([1, 2, 3, 4].map((x) => infer(loaded, 'double', { batch: 1, length: 1 }, { x: [x] })));
        expect(attempts.filter(({ status }) => status === 'rejected')).toHaveLength(2);
        const answers = await Promise.all([5, 6, 7].map((x) => infer(loaded, 'double', { batch: 1, length: 1 }, { x: [x] })));
        expect(answers.map(({ outputs }) => numbers(outputs['y']!.data)[0])).toEqual([10, 12, 14]);
      });
    });

    describe('loading', () => {
      const double = graphs['double']!;

      it('tells what it costs', async () => {
        const loaded = await engine.load(fixtureVariant(['double', 'lookup']));
        expect(loaded.memoryBytes).toBe((double.bytes + graphs['lookup']!.bytes) * engine.concurrency);
        expect(loaded.provider).toBe('cpu');
      });

      it.each<[string, string, Partial<GraphSpec>, string]>([
        ['a missing file', 'model_missing', { file: 'nowhere.onnx' }, 'nowhere.onnx'],
        ['another file', 'model_hash_mismatch', { sha256: '0'.repeat(64) }, 'sha256'],
        ['an input of another name', 'model_tensors_mismatch', { inputs: { z: double.inputs['x']! } }, 'input z'],
        ['an input of another type', 'model_tensors_mismatch', { inputs: { x: { type: 'int32', shape: ['batch', 'length'] } } }, 'float32'],
        ['an input of another rank', 'model_tensors_mismatch', { inputs: { x: { type: 'float32', shape: ['batch'] } } }, '[batch]'],
        ['an input that is not declared', 'model_tensors_mismatch', { inputs: {} }, 'input x'],
        ['an output that is not there', 'model_tensors_mismatch', { outputs: { z: double.outputs['y']! } }, 'output z'],
        ['an input of more bits', 'model_tensors_mismatch', { inputs: { x: { type: 'int64', shape: ['batch', 'length'] } } }, 'int64'],
      ])('refuses %s as %s, naming the file', async (_, code, over, words) => {
        const spec = { ...double, ...over };
        const refused = engine.load(fixtureVariant([], { graphs: { double: spec } }));
        await expect(refused).rejects.toMatchObject({ code, message: expect.stringContaining(spec.file) as string });
        await expect(refused).rejects.toThrow(words);
      });

      it('refuses a file that is no model', async () => {
        const bytes = readFileSync(`${FIXTURES}graphs.json`);
        const sha256 = Buffer.from(await crypto.subtle.digest('SHA-256', bytes)).toString('hex');
        const refused = engine.load(fixtureVariant([], { graphs: { double: { ...double, file: 'graphs.json', sha256 } } }));
        await expect(refused).rejects.toMatchObject({ code: 'model_load_failed', message: expect.stringContaining('graphs.json') as string });
      });

      it('goes on with what it has after a refusal', async () => {
        const loaded = await engine.load(fixtureVariant(['double']));
        await expect(engine.load(fixtureVariant([], { graphs: { double: { ...double, file: 'nowhere.onnx' } } }))).rejects.toThrow();
        const { outputs } = await infer(loaded, 'double', { batch: 1, length: 1 }, { x: [4] });
        expect(numbers(outputs['y']!.data)).toEqual([8]);
      });

      it('unloads when the last lease is back, and refuses new ones at once', async () => {
        const loaded = await engine.load(fixtureVariant(['double']));
        const lease = await loaded.prepare('double', { batch: 1, length: 1 });
        const unloading = loaded.unload();
        await expect(loaded.prepare('double', { batch: 1, length: 1 })).rejects.toMatchObject({ code: 'variant_unloaded' });
        lease.inputs['x']!.data[0] = 3;
        expect(numbers((await lease.run()).outputs['y']!.data)).toEqual([6]);
        lease.release();
        await unloading;
      });

      it('refuses everything after close', async () => {
        const loaded = await engine.load(fixtureVariant(['double']));
        const lease = await loaded.prepare('double', { batch: 1, length: 1 });
        await engine.close();
        await expect(lease.run()).rejects.toMatchObject({ code: 'engine_closed' });
      });
    });
  });
}
