import { mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Variant } from '@tandem/schemas';
import type { Dimensions, LoadedVariant } from '../engine/index.ts';
import { curveOf, describeHardware, loadProfile, measureVariant, profileLoaded, profileOf, QUICK_GRID, saveProfile } from './index.ts';

const variant: Variant = {
  model: 'm', precision: 'fp32', version: '1', status: 'stable', adapter: 'recommend', lineage: {}, limits: { maxLength: 32 },
  catalogue: { items: 50, popular: [] }, accuracy: { metric: 'ndcgAt10', value: 0.2, others: {}, data: 'test', date: '2026-01-01' },
  graphs: {
    rank: { file: 'rank.onnx', sha256: 'a'.repeat(64), bytes: 1, inputs: { history: { type: 'int32', shape: ['batch', 'length'] } }, outputs: {} },
    step: { file: 'step.onnx', sha256: 'b'.repeat(64), bytes: 1, inputs: { slot: { type: 'int32', shape: ['batch'] }, pool: { type: 'float32', shape: ['slots', 4] } }, outputs: {} },
  },
};

/** Batches take as long as a clock says. */
function loadedVariant(msOf: (graph: string, dimensions: Dimensions) => number): LoadedVariant & { inputs: number[][] } {
  const inputs: number[][] = [];
  return {
    variant, provider: 'cpu', memoryBytes: 2, inputs, held: { pool: { dims: [8, 4], data: new Float32Array(32) } },
    prepare: async (graph, dimensions) => {
      const dims = [dimensions['batch']!, ...(dimensions['length'] === undefined ? [] : [dimensions['length']])];
      const data = new Int32Array(dims.reduce((all, size) => all * size, 1));
      return {
        inputs: { input: { dims, data } },
        run: async () => {
          inputs.push([...data]);
          return { outputs: {}, computeMs: msOf(graph, dimensions) };
        },
        release: () => undefined,
      };
    },
    unload: async () => undefined,
  };
}

const QUICK = { grid: QUICK_GRID, budgetMs: 0 };

test('every size of every graph is timed, at least as often as it says, and the first run counts as warm-up alone', async () => {
  const runs = new Map<string, number>();
  const loaded = loadedVariant((graph, { batch = 0 }) => {
    const key = `${graph} ${batch}`;
    runs.set(key, (runs.get(key) ?? 0) + 1);
    return runs.get(key) === 1 ? 100 : batch;
  });
  const { points, warmUpMs } = await measureVariant(loaded, QUICK);
  expect(points.map(({ graph, batch, length }) => [graph, batch, length])).toEqual([
    ['rank', 1, 16], ['rank', 8, 16], ['rank', 32, 16], ['step', 1, 1], ['step', 8, 1], ['step', 32, 1],
  ]);
  for (const { batch, p50Ms, p99Ms, samples } of points) {
    expect([p50Ms, p99Ms]).toEqual([batch, batch]);
    expect(samples).toBeGreaterThanOrEqual(QUICK_GRID.fewestSamples);
  }
  expect(warmUpMs).toBe(99 + 99);
});

test('ids lie within the catalogue, and slots are different in each row', async () => {
  const loaded = loadedVariant(() => 1);
  await measureVariant(loaded, QUICK);
  const [ids] = loaded.inputs;
  expect(Math.min(...ids!)).toBeGreaterThanOrEqual(1);
  expect(Math.max(...ids!)).toBeLessThan(50);
  expect(loaded.inputs.at(-1)).toEqual(Array.from({ length: 32 }, (_, row) => row));
});

test('single pauses do not move the curve', async () => {
  let run = 0;
  const loaded = loadedVariant((_graph, { batch = 0 }) => ((run += 1) % 21 === 5 ? 500 : 1 + batch));
  const { points } = await measureVariant(loaded, { grid: { ...QUICK_GRID, fewestSamples: 20 }, budgetMs: 0 });
  expect(curveOf({ points })).toEqual([1, 8, 32].map((size) => ({ size, ms: 1 + size, samples: 20 })));
});

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tandem-profile-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

test('a profile is found again by the hardware and exactly the same files, and one variant replaces only itself', async () => {
  const models = await folder();
  const hardware = describeHardware({ providers: ['cpu'], intraOpThreads: 1 });
  const made = await profileLoaded(loadedVariant(() => 1), { loadMs: 5, residentBytes: 7 }, 'quick', QUICK);
  const other = { ...made, model: 'other' };
  const file = await saveProfile(models, hardware, [other]);
  await saveProfile(models, hardware, [made]);
  expect(file).toBe(join(models, 'profiles', `${hardware.fingerprint}.json`));
  const loaded = await loadProfile(models, hardware);
  expect(loaded?.variants).toEqual([other, made]);
  expect(profileOf(loaded, variant)).toEqual(made);
  const retrained = { ...variant, graphs: { ...variant.graphs, rank: { ...variant.graphs['rank']!, sha256: 'c'.repeat(64) } } };
  expect(profileOf(loaded, retrained)).toBeUndefined();
  expect(await loadProfile(models, describeHardware({ providers: ['cpu'], intraOpThreads: 2 }))).toBeUndefined();
});

test('a file that is no profile is as none', async () => {
  const models = await folder();
  const hardware = describeHardware({ providers: ['cpu'], intraOpThreads: 1 });
  await mkdir(join(models, 'profiles'));
  await writeFile(join(models, 'profiles', `${hardware.fingerprint}.json`), '{"profileVersion":');
  expect(await loadProfile(models, hardware)).toBeUndefined();
});
