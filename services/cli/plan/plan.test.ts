import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import { loadCatalogue, parseProfile, registryProfile } from '@tandem/simulator';
import { run } from '../program.ts';
import { planProfile } from './plan-profile.ts';

const REPOSITORY = join(import.meta.dirname, '../../..');
const EXAMPLES = join(REPOSITORY, 'docs/examples');
const SETTINGS = { models: join(REPOSITORY, 'models'), providers: ['cpu'], intraOpThreads: 1 };

afterEach(() => {
  vi.restoreAllMocks();
});

/** What a wrong command says, and its exit code. */
async function said(...words: string[]): Promise<{ code: number; text: string }> {
  const errors = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const folders = ['--models', join(EXAMPLES, 'translation/models'), '--workloads', join(EXAMPLES, 'translation/workloads')];
  const code = await run(['node', 'tandem', 'plan', '--workload', 'translate', '--rate', '1000', '--slo', '300', ...folders, ...words]);
  return { code, text: errors.mock.calls.flat().join('\n') };
}

test('the documented catalogues are valid', async () => {
  for (const file of ['machines.yaml', 'translation/machines.yaml']) expect((await loadCatalogue(join(EXAMPLES, file))).machines.length).toBeGreaterThan(3);
});

test('the documented times are the registry’s', async () => {
  const times = parseProfile(await readFile(join(EXAMPLES, 'times.json'), 'utf8'), 'times.json');
  const registered = registryProfile(stableVariants(await loadRegistry(SETTINGS.models)));
  expect([...times.keys()]).toEqual([...registered.keys()]);
  for (const [name, points] of registered) expect(times.get(name)?.map(({ ms }) => ms.toFixed(3))).toEqual(points.map(({ ms }) => ms.toFixed(3)));
});

test('a file that is no profile is refused with an example of one', async () => {
  await expect(planProfile(join(EXAMPLES, 'machines.yaml'), [], SETTINGS)).rejects.toMatchObject({ code: 'profile_invalid', message: expect.stringContaining('recommend-large.int8') as string });
  await expect(planProfile('/nowhere.json', [], SETTINGS)).rejects.toMatchObject({ code: 'usage' });
});

test('wrong use says what would be right', async () => {
  expect(await said('--machines', '/nowhere.yaml')).toMatchObject({ code: 2, text: expect.stringContaining('docs/capacity.md') as string });
  const machines = ['--machines', join(EXAMPLES, 'translation/machines.yaml')];
  expect(await said(...machines, '--tasks', 'full')).toMatchObject({ code: 2, text: expect.stringContaining('coarse, fine') as string });
  expect(await said(...machines, '--workload', 'nope')).toMatchObject({ code: 2, text: expect.stringContaining('translate') as string });
  expect(await said(...machines, '--accuracy-floor', '1', '--tasks', 'coarse')).toMatchObject({ code: 1, text: expect.stringContaining('lower the floor') as string });
});
