import { fileURLToPath } from 'node:url';
import { loadRegistry } from '@tandem/shared/registry';
import { expect, test } from 'vitest';
import { SIZES } from './sizes.ts';

test('every dimension of every shipped graph has a size', async () => {
  const { variants } = await loadRegistry(fileURLToPath(new URL('../../models/', import.meta.url)));
  const shapes = variants.flatMap(({ graphs }) => Object.values(graphs).flatMap(({ inputs }) => Object.values(inputs).map(({ shape }) => shape)));
  const dimensions = new Set(shapes.flat().filter((dimension) => typeof dimension === 'string'));
  expect(dimensions.size).toBeGreaterThan(5);
  expect([...dimensions].filter((name) => SIZES[name] === undefined)).toEqual([]);
});
