import { mkdtemp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { STAGE_NAMES, topicName, type Registry, type Response } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { expect, it, onTestFinished } from 'vitest';
import { openPorts } from '../compose/ports.ts';
import { System } from '../compose/system.ts';
import { ensureTopology } from '../compose/topology.ts';
import { examine } from '../doctor/testing.ts';
import { follow } from '../tail/index.ts';
import { makeFolder, type InitOptions, type MadeFolder } from './index.ts';
import { planModel } from './plan-model.ts';

const SHIPPED = fileURLToPath(new URL('../../../models/', import.meta.url));
const FOREIGN = fileURLToPath(new URL('./fixtures/foreign.onnx', import.meta.url));
/** Takes and gives int64: next = ids + 1, and more. */
const WIDE = fileURLToPath(new URL('../../../shared/engine/fixtures/wide.onnx', import.meta.url));
/** The same model, with its weights in a file beside it. */
const EXTERNAL = fileURLToPath(new URL('./fixtures/external.onnx', import.meta.url));

async function newFolder(): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'tandem-init-'));
  onTestFinished(() => rm(parent, { recursive: true }));
  return join(parent, 'own');
}

async function make(model: string, over: Partial<InitOptions> = {}): Promise<MadeFolder> {
  return makeFolder({ folder: await newFolder(), model, name: 'mine', precision: 'fp32', dimensions: {}, deadlineMs: 30_000, today: '2026-01-01', ...over });
}

/** The example, through every stage in this process. */
async function answerOf({ models, workloads, requests }: MadeFolder): Promise<Response> {
  const settings = loadSettings({ flags: { models, workloads, httpPort: '0', logLevel: 'silent', threads: '1' } });
  await using ports = await openPorts(settings, 'test');
  await ensureTopology(settings, ports);
  await using _system = await System.start(STAGE_NAMES, settings, ports);
  await ports.producer.send([{ topic: topicName(settings.prefix, 'requests'), key: null, value: (await readFile(requests, 'utf8')).trim() }]);
  for await (const [record] of follow({ log: ports.log, topic: topicName(settings.prefix, 'responses'), start: 'earliest', signal: AbortSignal.timeout(15_000), pauseMs: 5 })) {
    return JSON.parse(record!.value!.toString('utf8')) as Response;
  }
  throw new Error('no response');
}

it.each<[string, string, Partial<InitOptions>, string]>([
  ['a shipped classifier', join(SHIPPED, 'digits-large/classify.fp32.onnx'), {}, '[batch, 64] → probabilities float32 [batch, 10]'],
  ['a shipped recommender', join(SHIPPED, 'recommend-small/candidates.fp32.onnx'), { dimensions: { length: 16, excluded: 2 }, output: 'scores' }, '[batch, 16] → scores float32 [batch, 100]'],
  ['another tool’s model', FOREIGN, { labels: ['a', 'b', 'c'] }, '[batch, 4] → scores float32 [batch, 3]'],
])('makes a folder for %s that the doctor finds well and that answers', async (_, model, over, tensors) => {
  const made = await make(model, over);
  const [input] = Object.values(made.plan.inputs);
  expect(`[${input!.shape.join(', ')}] → ${made.plan.output.name} ${made.plan.output.spec.type} [${made.plan.output.spec.shape.join(', ')}]`).toBe(tensors);
  const found = await examine({ models: made.models, workloads: made.workloads }, ['workloads', 'models']);
  expect(found.map(({ check, status }) => `${check} ${status}`)).toEqual(['workloads ok', 'models ok']);
  expect(found[1]!.message).toContain('answers its golden inputs');
  expect(await answerOf(made)).toMatchObject({ requestId: 'example-1', status: 'complete', result: { label: expect.any(String), confidence: expect.any(Number) } });
});

it('turns scores that are no probabilities into some, and gives the classes their labels', async () => {
  const made = await make(FOREIGN, { labels: ['a', 'b', 'c'] });
  await writeFile(made.requests, JSON.stringify({ requestId: 'r', workload: 'mine', input: { float_input: [[0, 3], [0, 0]] } }));
  const { result } = await answerOf(made);
  expect(result).toMatchObject({ label: 'b', scores: { a: expect.closeTo(0.00246, 4), b: expect.closeTo(0.99507, 4), c: expect.closeTo(0.00246, 4) } });
});

it('makes a cascade of a small and a large model, which is asked only where the small one is not confident', async () => {
  const made = await make(FOREIGN, { large: EXTERNAL, labels: ['a', 'b', 'c'] });
  expect((await examine({ models: made.models, workloads: made.workloads }, ['workloads', 'models'])).map(({ status }) => status)).toEqual(['ok', 'ok', 'ok']);
  const steps = async (input: number[]) => {
    await writeFile(made.requests, JSON.stringify({ requestId: 'r', workload: 'mine', input: { float_input: input } }));
    return (await answerOf(made)).steps;
  };
  expect(await steps([0, 3, 0, 0])).toMatchObject([{ model: 'mine-small', precision: 'fp32' }, { model: 'mine-large', reason: expect.stringContaining('confidence 0.995') }]);
  expect(await steps([0, 0.1, 0, 0])).toMatchObject([{ model: 'mine-small', precision: 'fp32' }, { model: 'mine-large', precision: 'fp32' }]);
});

it('refuses a pair that no one adapter can serve, and says what differs', async () => {
  await expect(make(FOREIGN, { large: join(SHIPPED, 'digits-large/classify.fp32.onnx') })).rejects.toMatchObject({
    code: 'model_not_supported', message: expect.stringContaining('float_input [batch, 4] → 3 classes'),
  });
});

it('copies the files beside a model in which its weights lie, and writes down their hashes', async () => {
  const made = await make(EXTERNAL);
  const { models: [variant] } = JSON.parse(await readFile(join(made.models, 'registry.json'), 'utf8')) as Registry;
  expect(variant?.graphs['main']?.weights).toEqual([{ file: 'mine/external.weights', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }]);
  expect(await answerOf(made)).toMatchObject({ status: 'complete' });
});

it('makes an adapter that fails a request for which the model gives no numbers', async () => {
  const made = await make(FOREIGN);
  await writeFile(made.adapter, (await readFile(made.adapter, 'utf8')).replace('const all = ', 'const all = batch[0].task.input.float_input[0] === 7 ? Array(3 * batch.length).fill(NaN) : '));
  await writeFile(made.requests, JSON.stringify({ requestId: 'r', workload: 'mine', input: { float_input: [7, 0, 0, 0] } }));
  expect(await answerOf(made)).toMatchObject({ status: 'failed', error: { code: 'step_failed', message: expect.stringContaining('no number') } });
});

it('makes a folder for a model of whole numbers, which takes no others, and none that its type does not hold', async () => {
  const made = await make(WIDE, { dimensions: { length: 2 }, output: 'next' });
  const ask = async (ids: number[]) => {
    await writeFile(made.requests, JSON.stringify({ requestId: 'r', workload: 'mine', input: { ids } }));
    return answerOf(made);
  };
  expect(await ask([5, -7])).toMatchObject({ status: 'complete', result: { sequence: [6, -6] } });
  for (const ids of [[1.5, 2], [1, 2 ** 31]]) {
    expect(await ask(ids)).toMatchObject({ status: 'rejected', error: { message: expect.stringContaining('expected whole numbers from -2147483648 to 2147483647') } });
  }
});

it('makes an adapter that says what is wrong with a request', async () => {
  const made = await make(FOREIGN);
  await writeFile(made.requests, JSON.stringify({ requestId: 'r', workload: 'mine', input: { float_input: [1, 2] } }));
  expect(await answerOf(made)).toMatchObject({ status: 'rejected', reason: 'invalid', error: { message: expect.stringContaining('expected 4 numbers, got 2') } });
});

it('overwrites nothing, and leaves nothing behind where it fails', async () => {
  const folder = await newFolder();
  await mkdir(folder);
  await expect(make(join(SHIPPED, 'registry.json'), { folder })).rejects.toMatchObject({ code: 'model_load_failed' });
  await expect(make(FOREIGN, { folder, labels: ['only'] })).rejects.toMatchObject({ code: 'usage', message: '--labels names 1; output scores has 3 classes' });
  expect(await readdir(join(folder, '..'))).toEqual(['own']);
  await writeFile(join(folder, 'kept'), '');
  await expect(make(FOREIGN, { folder })).rejects.toMatchObject({ code: 'folder_not_empty', message: expect.stringContaining('kept') });
  expect(await readdir(folder)).toEqual(['kept']);
});

const tensor = (name: string, type: string, shape: (string | number)[]) => ({ name, type, shape });
const outputs = [tensor('y', 'float32', ['batch', 3])];

it.each([
  ['a fixed batch', [tensor('x', 'float32', [1, 3])], 'dynamic_axes={\'x\': {0: \'batch\'}}'],
  ['text', [tensor('x', 'string', ['batch', 3])], 'turn text into numbers in the adapter'],
  ['double precision', [tensor('x', 'float64', ['batch', 3])], 'export it as float32'],
  ['no inputs', [], 'no inputs'],
])('says how to export a model with %s', (_, inputs, words) => {
  expect(() => planModel({ inputs, outputs }, { dimensions: {} })).toThrow(expect.objectContaining({ code: 'model_not_supported', message: expect.stringContaining(words) }));
});

it('asks for the sizes that are open, and refuses those that are not', () => {
  const inputs = [tensor('ids', 'int32', ['n', 'length']), tensor('mask', 'int32', ['n', '']), tensor('one', 'float32', ['n'])];
  expect(() => planModel({ inputs, outputs }, { dimensions: {} })).toThrow('--dimension length=16');
  expect(() => planModel({ inputs, outputs }, { dimensions: { length: 4 } })).toThrow('--dimension mask-1=16');
  expect(() => planModel({ inputs, outputs }, { dimensions: { 'length': 4, 'mask-1': 4, 'width': 1 } })).toThrow('open dimensions of the inputs are length, mask-1');
  expect(planModel({ inputs, outputs }, { dimensions: { 'length': 4, 'mask-1': 5 } })).toMatchObject({ kind: 'classes', width: 3, inputs: { ids: { shape: ['batch', 4] }, mask: { shape: ['batch', 5] }, one: { shape: ['batch'] } } });
});

it('takes the first output of floats, another where it is named, and numbers for what has no classes', () => {
  const inputs = [tensor('x', 'float32', ['n', 2])];
  const several = [tensor('label', 'int64', ['n']), tensor('value', 'float32', ['n', 1]), tensor('grid', 'float16', ['n', 2, 3])];
  expect(planModel({ inputs, outputs: several }, { dimensions: {} })).toMatchObject({ output: { name: 'value' }, kind: 'numbers', width: 1 });
  expect(planModel({ inputs, outputs: several }, { dimensions: {}, output: 'grid' })).toMatchObject({ output: { name: 'grid' }, kind: 'numbers', width: 6 });
  expect(() => planModel({ inputs, outputs: several }, { dimensions: {}, output: 'nobody' })).toThrow('the model has label, value, grid');
  expect(planModel({ inputs: [tensor('ids', 'int64', ['n', 4])], outputs: several }, { dimensions: {}, output: 'label' })).toMatchObject({ inputs: { ids: { type: 'int64' } }, output: { name: 'label' }, kind: 'numbers', width: 1 });
  expect(() => planModel({ inputs, outputs: [tensor('words', 'string', ['n'])] }, { dimensions: {}, output: 'words' })).toThrow('output words cannot be used');
});
