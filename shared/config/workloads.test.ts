import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workloadSchema, type Variant } from '@tandem/schemas';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { workloadProblems } from './workload-checks.ts';
import { loadWorkloads } from './workloads.ts';

const SHIPPED = join(import.meta.dirname, '..', '..', 'workloads');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tandem-workloads-'));
});
afterEach(() => rm(folder, { recursive: true }));

const step = (id: string, over: object = {}) => ({ id, role: 'member', model: 'm', ...over });
const workload = (steps: object[], over: object = {}) => ({
  name: 'w',
  description: 'for tests',
  adapter: 'classify',
  plans: { full: { strategy: 'cascade', steps } },
  ...over,
});
const write = (name: string, content: unknown) => writeFile(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
const stable = (model: string) => ({ model, status: 'stable' }) as Variant;

describe('the shipped workloads', () => {
  it('load, in the order of their files, with defaults filled in', async () => {
    const workloads = await loadWorkloads(SHIPPED);
    expect(workloads.map(({ name }) => name)).toEqual(['classify', 'generate', 'recommend', 'two-views']);
    expect(workloads.map(({ accuracyFloor }) => accuracyFloor)).toEqual([0, 0, 0, 0]);
  });

  it('fit a registry that has their models', async () => {
    const models = ['recommend-small', 'recommend-large', 'digits-small', 'digits-large', 'digits-top', 'digits-bottom', 'recommend-decoder'];
    await expect(loadWorkloads(SHIPPED, { variants: models.map(stable) })).resolves.toHaveLength(4);
    await expect(loadWorkloads(SHIPPED, { variants: models.slice(1).map(stable) })).rejects.toThrow(
      /recommend\.json: plans\.coarse\.steps\.0\.model: the registry has no stable recommend-small; it has recommend-large, /,
    );
  });
});

describe('a workload file', () => {
  it.each([
    ['is not JSON', '{', /w\.json: is not JSON/],
    ['misses a field', { name: 'w' }, /w\.json: description: /],
    ['has a wrong name', workload([step('a')], { name: 'W W' }), /w\.json: name: must match/],
    ['has a wrong strategy', workload([step('a')], { plans: { full: { strategy: 'best', steps: [step('a')] } } }), /plans\.full\.strategy: .*rerank/],
    ['has no plans', workload([], { plans: {} }), /plans: there is none; give at least one of coarse, fine, full/],
    ['has a default task without a plan', workload([step('a')], { defaultTask: 'fine' }), /defaultTask: there is no plan fine; there is full/],
    ['waits for a step that is not there', workload([step('a', { after: ['x'] }), step('b')]), /steps\.0\.after: there is no other step x; there is b/],
    ['waits for itself', workload([step('a', { after: ['a'] })]), /steps\.0\.after: there is no other step a; there is none/],
    ['comes after two steps', workload([step('a'), step('b'), step('c', { after: ['a', 'b'] })]), /steps\.2\.after: names 2 steps; a step can come after one/],
    ['waits in a circle', workload([step('a', { after: ['b'] }), step('b', { after: ['a'] }), step('c')]), /steps: a, b wait for one another/],
    ['names two steps alike', workload([step('a'), step('a')]), /steps\.1\.id: a is taken/],
    ['skips on the confidence of nobody', workload([step('a', { skipWhenConfident: 0.9 })]), /skipWhenConfident: needs a step before/],
    ['counts parts wrongly', workload([step('a', { part: 3, of: 2 })]), /part: is 3 of 2/],
    ['has a part of nothing', workload([step('a', { part: 1 })]), /part and of belong together/],
    ['weighs a step that is not there', workload([], { plans: { full: { strategy: 'average', steps: [step('a')], weights: { b: 1 } } } }), /weights\.b: there is no such step; there is a/],
  ])('that %s is refused with its place and what would be valid', async (_what, content, message) => {
    await write('w.json', content);
    await expect(loadWorkloads(folder)).rejects.toMatchObject({ code: 'workloads_invalid', message: expect.stringMatching(message) as string });
  });

  it('whose name is taken is refused', async () => {
    await write('a.json', workload([step('a')]));
    await write('b.json', workload([step('a')]));
    await expect(loadWorkloads(folder)).rejects.toThrow(/b\.json: name: w is taken by .*a\.json/);
  });

  it('is one of several problems that are all named at once', async () => {
    await write('a.json', '{');
    await write('b.json', workload([step('a'), step('a')]));
    await expect(loadWorkloads(folder)).rejects.toThrow(/a\.json[^]*b\.json/);
  });
});

it('a folder that is missing or empty is named', async () => {
  await expect(loadWorkloads(folder)).rejects.toThrow(/there is no workload file/);
  await expect(loadWorkloads(join(folder, 'none'))).rejects.toThrow(/none: the folder cannot be read/);
});

it('a plan whose steps only wait for earlier ones has no circle, and one that is closed has', () => {
  const chain = fc.array(fc.nat(100), { minLength: 2, maxLength: 12 });
  const circleOf = (steps: object[]) => workloadProblems(workloadSchema.parse(workload(steps)), undefined).filter((problem) => problem.includes('circle'));
  fc.assert(
    fc.property(chain, (choices) => {
      const open = choices.map((choice, index) => step(`s${index}`, { after: index === 0 ? [] : [`s${choice % index}`] }));
      expect(circleOf(open)).toEqual([]);
      // The first step now waits for the last one's chain, which ends in the first.
      const closed = open.map((each, index) => (index === 0 ? { ...each, after: [`s${choices.length - 1}`] } : each));
      expect(circleOf(closed)).toHaveLength(1);
    }),
  );
});
