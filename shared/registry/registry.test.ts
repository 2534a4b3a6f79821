import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Variant } from '@tandem/schemas';
import { expect, onTestFinished, test } from 'vitest';
import { loadRegistry, readVerifiedGraph, stableVariants, variantName, verifyVariant } from './index.ts';

const MODEL = 'not really a model';
const sha256 = createHash('sha256').update(MODEL).digest('hex');

function variant(over: Partial<Variant> = {}): Variant {
  return {
    model: 'm', precision: 'fp32', version: '1', status: 'stable', adapter: 'classify', limits: {}, lineage: {},
    graphs: { classify: { file: 'm.onnx', sha256, bytes: MODEL.length, inputs: {}, outputs: {} } },
    accuracy: { metric: 'accuracy', value: 1, others: {}, data: 'none', date: '2026-01-01' }, ...over,
  };
}

async function folderWith(registry: unknown): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tandem-registry-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'm.onnx'), MODEL);
  if (registry !== undefined) await writeFile(join(folder, 'registry.json'), typeof registry === 'string' ? registry : JSON.stringify(registry));
  return folder;
}

test('a registry gives its variants by name', async () => {
  const { variants, refused } = await loadRegistry(await folderWith({ registryVersion: 1, models: [variant(), variant({ precision: 'int8', status: 'canary' })] }));
  expect(variants.map(variantName)).toEqual(['m.fp32', 'm.int8']);
  expect(stableVariants({ variants }).map(variantName)).toEqual(['m.fp32']);
  expect(refused).toEqual([]);
});

test.each<[string, unknown, string]>([
  ['is missing', undefined, 'cannot be read'],
  ['is not JSON', '{', 'is not JSON'],
  ['is of another version', { registryVersion: 2, models: [] }, 'registryVersion'],
  ['is something else', [], 'expected object'],
])('a registry that %s is refused, naming the file', async (_, registry, words) => {
  const folder = await folderWith(registry);
  await expect(loadRegistry(folder)).rejects.toMatchObject({ code: 'registry_invalid', message: expect.stringContaining(join(folder, 'registry.json')) });
  await expect(loadRegistry(folder)).rejects.toThrow(words);
});

test('a bad entry is refused by its place and reason; the others are used', async () => {
  const outside = variant({ model: 'evil', graphs: { g: { ...variant().graphs['classify']!, file: '../../secret.onnx' } } });
  const { variants, refused } = await loadRegistry(await folderWith({ registryVersion: 1, models: [{ model: 'x' }, variant(), outside, 7] }));
  expect(variants.map(variantName)).toEqual(['m.fp32']);
  expect(refused.map(({ code }) => code)).toEqual(['registry_invalid', 'registry_invalid', 'registry_invalid']);
  expect(refused.map(({ message }) => /models\[(\d)\]/.exec(message)?.[1])).toEqual(['0', '2', '3']);
  expect(refused[1]!.message).toContain('relative path inside models/');
});

test('a variant that is stable twice is refused the second time, but a canary beside it is not', async () => {
  const models = [variant(), variant({ version: '2' }), variant({ version: '3', status: 'canary' }), variant({ version: '0', status: 'retired' }), variant({ version: '00', status: 'retired' })];
  const { variants, refused } = await loadRegistry(await folderWith({ registryVersion: 1, models }));
  expect(variants.map(({ version }) => version)).toEqual(['1', '3', '0', '00']);
  expect(refused[0]!.message).toContain('stable twice (versions 1 and 2)');
});

test('a file is read only if it is the released one', async () => {
  const folder = await folderWith({ registryVersion: 1, models: [] });
  const graph = variant().graphs['classify']!;
  expect(Buffer.from(await readVerifiedGraph(folder, graph)).toString()).toBe(MODEL);
  await expect(verifyVariant(variant(), folder)).resolves.toBeUndefined();
  const weights = [{ file: graph.file, sha256: '1'.repeat(64) }];
  await expect(readVerifiedGraph(folder, { ...graph, weights })).rejects.toMatchObject({ code: 'model_hash_mismatch' });
  await expect(readVerifiedGraph(folder, { ...graph, file: 'gone.onnx' })).rejects.toMatchObject({ code: 'model_missing', message: expect.stringContaining('gone.onnx') });
  await writeFile(join(folder, 'm.onnx'), 'tampered');
  await expect(verifyVariant(variant(), folder)).rejects.toMatchObject({ code: 'model_hash_mismatch', message: expect.stringContaining(sha256) });
});
