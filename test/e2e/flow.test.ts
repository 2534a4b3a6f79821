import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { DEAD_LETTER_HEADER, errorCodeSchema, responseSchema } from '@tandem/schemas';
import { garbage } from '../support/garbage.ts';
import { startTandem, type Client, type Draft, type RunningTandem } from '../support/system.ts';
import { until } from '../support/until.ts';

const digits = JSON.parse(readFileSync(join(import.meta.dirname, '../../models/digits-test.json'), 'utf8')) as { pixels: number[][]; labels: number[] };
const history = ['1', '260', '1196', '1210', '480', '589', '1270'];
const patient = { deadlineMs: 60_000 };

const recommend = (input: Record<string, unknown>, hints: Record<string, unknown> = {}, over: Partial<Draft> = {}): Draft =>
  ({ workload: 'recommend', userId: 'someone', input, hints: { ...patient, ...hints }, ...over });

const transports = [
  { name: 'the embedded log and cache', flags: () => ({}) },
  { name: 'real Kafka and Redis', flags: () => ({ kafka: inject('kafka'), redis: inject('redis') }) },
];

describe.each(transports)('the whole flow on $name', ({ flags }) => {
  let tandem: RunningTandem;
  let client: Client;

  beforeAll(async () => {
    // Interactions may be late here: the cores are shared with other tests.
    tandem = await startTandem({ featureWaitMs: '30000', ...flags() });
    client = tandem.client;
  });
  afterAll(async () => tandem[Symbol.asyncDispose]());

  test('coarse, fine and full requests are answered by the models that their plan names', async () => {
    const [coarse, fine, full] = await client.ask([
      recommend({ history }, { task: 'coarse' }), recommend({ history }, { task: 'fine' }), recommend({ history, limit: 5 }, { task: 'full' }),
    ]);
    const models = (response: typeof coarse) => response!.steps.map(({ model }) => model);
    expect(models(coarse)).toEqual(['recommend-small']);
    expect(models(fine)).toEqual(['recommend-large']);
    expect(models(full)).toEqual(['recommend-small', 'recommend-large']);
    for (const response of [coarse, fine, full]) {
      expect(responseSchema.parse(response)).toMatchObject({ status: 'complete', final: true, sequence: 0, workload: 'recommend', userId: 'someone' });
    }
    const items = (full!.result as { items: { itemId: string; score: number }[] }).items;
    expect(items).toHaveLength(5);
    expect(items.map(({ itemId }) => itemId).filter((item) => history.includes(item))).toEqual([]);
    expect(items.map(({ score }) => score)).toEqual(items.map(({ score }) => score).toSorted((a, b) => b - a));
  });

  test('the sender’s own candidates are what the large model ranks', async () => {
    const candidates = ['10', '20', '30', '40'];
    const [fine] = await client.ask([recommend({ history, candidates }, { task: 'fine' })]);
    const items = (fine!.result as { items: { itemId: string }[] }).items.map(({ itemId }) => itemId);
    expect(items.toSorted()).toEqual(candidates.toSorted());
  });

  test('an unknown user gets popular items, marked; unknown items of a history are dropped', async () => {
    const [unknown, partly] = await client.ask([
      recommend({}, {}, { userId: 'never-seen' }), recommend({ history: [...history, '999999', 'nonsense'] }, { task: 'coarse' }),
    ]);
    expect(unknown).toMatchObject({ reason: 'unknown_user' });
    expect((unknown!.result as { items: unknown[] }).items).toHaveLength(10);
    expect(partly).toMatchObject({ status: 'complete' });
  });

  test('without a history, the user’s interactions are the features, as of the stated moment', async () => {
    const userId = `user-${Math.random()}`;
    const interaction = (itemId: string, index: number) => JSON.stringify({ userId, itemId, time: 1_000 + index });
    await client.write('interactions', history.map(interaction));
    const [fromInteractions, given, early] = await client.ask([
      recommend({ asOfInteractions: history.length }, { task: 'coarse' }, { userId }),
      recommend({ history }, { task: 'coarse' }),
      recommend({ asOfInteractions: 0 }, { task: 'coarse' }, { userId }),
    ]);
    expect(fromInteractions!.result).toEqual(given!.result);
    expect(early).toMatchObject({ reason: 'unknown_user' });
  });

  test('the digits cascade answers with the small model where it is sure and asks the large one where it is not', async () => {
    const answers = await client.ask(digits.pixels.slice(0, 120).map((values) => ({ workload: 'classify', input: { values }, hints: patient })));
    const right = answers.filter(({ result }, index) => (result as { label: string }).label === String(digits.labels[index])).length;
    expect(right / answers.length).toBeGreaterThan(0.9);
    const ran = (model: string) => answers.filter(({ steps }) => steps.some((step) => step.model === model && step.batchSize > 0)).length;
    expect(ran('digits-small')).toBe(120);
    expect(ran('digits-large')).toBeGreaterThan(0);
    expect(ran('digits-large')).toBeLessThan(120);
    expect(answers.every(({ status }) => status === 'complete')).toBe(true);
  });

  test('slates decoded side by side are what each is by itself, and sampled ones follow their seeds', async () => {
    const slate = (input: Record<string, unknown>): Draft => ({ workload: 'generate', userId: `slates-${Math.random()}`, input: { history, ...input }, hints: patient });
    const inputs = Array.from({ length: 12 }, (_, index) => ({ history: [...history, String(100 + index)], count: 1 + ((index * 7) % 12), temperature: index % 3 === 0 ? 1 : 0, seed: index }));
    const together = await client.ask(inputs.map(slate));
    for (const [index, response] of together.entries()) {
      const { history: known, count } = inputs[index]!;
      expect(responseSchema.parse(response)).toMatchObject({ status: 'complete', final: true, workload: 'generate', steps: [{ step: 'decode', model: 'recommend-decoder' }] });
      const { sequence } = response.result as { sequence: string[] };
      expect(sequence).toHaveLength(count);
      expect(new Set([...sequence, ...known]).size).toBe(count + known.length);
      const [alone] = await client.ask([slate(inputs[index]!)]);
      expect((alone!.result as { sequence: string[] }).sequence).toEqual(sequence);
    }
    const [nobody, tooMany] = await client.ask([slate({ history: [], count: 3 }), slate({ count: 51 })]);
    expect(nobody).toMatchObject({ status: 'complete', reason: 'unknown_user' });
    expect((nobody!.result as { sequence: string[] }).sequence).toHaveLength(3);
    expect(tooMany).toMatchObject({ status: 'rejected', error: { code: 'invalid_input', message: expect.stringContaining('count') } });
  });

  test('a plan of two parallel members waits for both and averages them', async () => {
    const [answer] = await client.ask([{ workload: 'two-views', input: { values: digits.pixels[0] }, hints: patient }]);
    expect(answer).toMatchObject({ status: 'complete' });
    expect(answer!.steps.map(({ model }) => model).toSorted()).toEqual(['digits-bottom', 'digits-top']);
  });

  test('of 10,000 records of garbage of every kind, each ends as a rejected response or a dead letter, and the flow goes on', async () => {
    const before = client.deadLetters.length;
    const records = garbage(10_000);
    await client.write('requests', records.map(({ value }) => value));
    const answerable = records.flatMap(({ requestId }) => (requestId === undefined ? [] : [requestId]));
    await until(() => answerable.every((id) => client.responses.has(id)), { what: () => `rejections of ${answerable.filter((id) => !client.responses.has(id)).length}` });
    for (const id of answerable) expect(client.responses.get(id)).toMatchObject([{ status: 'rejected', error: { code: expect.any(String) as string } }]);
    const buried = records.length - answerable.length;
    await until(() => client.deadLetters.length >= before + buried, { what: () => `${before + buried - client.deadLetters.length} dead letters` });
    const letters = client.deadLetters.slice(before);
    expect(letters).toHaveLength(buried);
    for (const { headers } of letters) expect(errorCodeSchema.safeParse(headers[DEAD_LETTER_HEADER.code]).success).toBe(true);
    expect((await client.ask([recommend({ history })]))[0]).toMatchObject({ status: 'complete' });
  });

  test('a repeated request id is a dead letter, and is answered once', async () => {
    const before = client.deadLetters.length;
    const requestId = `twice-${Math.random()}`;
    const value = JSON.stringify({ requestId, ...recommend({ history }, { task: 'coarse' }) });
    await client.write('requests', [value]);
    await client.write('requests', [value]);
    await until(() => client.responses.has(requestId) && client.deadLetters.length > before);
    expect(client.deadLetters.at(-1)!.headers[DEAD_LETTER_HEADER.code]).toBe('duplicate_request');
    expect(client.responses.get(requestId)).toHaveLength(1);
  });

  test('a request that cannot make its deadline is answered all the same', async () => {
    const answers = await client.ask(Array.from({ length: 20 }, () => recommend({ history }, { task: 'full', deadlineMs: 15 })));
    for (const answer of answers) expect(['complete', 'degraded', 'rejected']).toContain(answer.status);
  });
});
