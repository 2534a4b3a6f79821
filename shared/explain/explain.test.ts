import { DEAD_LETTER_HEADER, fixedTopics, variantTopics, type Outcome, type Response, type Task, type Work } from '@tandem/schemas';
import { createEmbeddedLog, partitionOfKey, type OutgoingRecord } from '@tandem/shared/log';
import { ManualClock } from '@tandem/shared/clock';
import { afterEach, describe, expect, it } from 'vitest';
import { collectPath, explainPath } from './index.ts';
import { backTos } from './search.ts';

const PREFIX = 't.';
const START = 1_800_000_000_000;
const cleanUps: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

const task = (requestId: string): Task => ({
  requestId, workload: 'recommend', key: '42', userId: '42', lane: 'interactive', task: 'full', tier: 'vip', arrivedAt: START, deadlineAt: START + 200, accuracyFloor: 0.9,
  activity: 0.5, input: {}, interactions: 3, source: 't.requests/0/0', marks: ['features_stale'],
  plan: { id: 'p', strategy: 'rerank', steps: [{ id: 'coarse', role: 'coarse', model: 'small', after: [], required: false }, { id: 'fine', role: 'fine', model: 'large', after: ['coarse'], required: false }] },
});
const work = (requestId: string, step: string, model: string, dispatchedAt: number, reason: string): Work =>
  ({ step, model, precision: 'fp32', reason, dispatchedAt, task: task(requestId), previous: step === 'fine' ? { coarse: { kind: 'skipped', reason: '' } } : {} });
const completed = (requestId: string, step: string, model: string, reason: string): Outcome => ({
  kind: 'completed', requestId, step, task: task(requestId), previous: {}, result: { items: [1], scores: [1] },
  run: { model, precision: 'fp32', version: '1', batchSize: 4, queueMs: 5, computeMs: 2, reason },
});
const response = (requestId: string, over: Partial<Response> = {}): Response =>
  ({ requestId, workload: 'recommend', userId: '42', status: 'complete', final: true, sequence: 0, result: { items: [] }, steps: [], latencyMs: 60, time: START + 60, ...over });

const REASON = 'threshold: coarse; expected queue 3.0, compute 2.50, done in 6.0 ms';

async function harness() {
  const clock = new ManualClock(START);
  const log = createEmbeddedLog({ clock });
  cleanUps.push(() => log.close());
  const topology = { prefix: PREFIX, partitions: 4 };
  await log.admin.ensureTopics([...fixedTopics(topology), ...variantTopics(topology, [{ model: 'small', precision: 'fp32' }, { model: 'large', precision: 'fp32' }])]);
  const producer = await log.producer();
  const write = async (atMs: number, topic: string, value: unknown, over: Partial<OutgoingRecord> = {}) => {
    clock.advance(START + atMs - clock.now());
    await producer.send([{ topic: PREFIX + topic, key: '42', value: JSON.stringify(value), ...over }]);
  };
  const explain = async (requestId: string, over: { key?: string; since?: number } = {}) =>
    explainPath(requestId, await collectPath({ log, prefix: PREFIX, requestId, since: START - 1_000, now: clock.now(), ...over }));
  return { write, explain };
}

/** Two steps, with others' requests before, between and after. */
async function fullPath(requestId: string) {
  const { write, explain } = await harness();
  await write(0, 'requests', { requestId, workload: 'recommend', userId: '42', input: {}, hints: { task: 'full' } }, { key: 'any', partition: 0 });
  await write(0, 'requests', { requestId: `${requestId}-2`, workload: 'recommend', userId: '42', input: {} }, { partition: 0 });
  await write(10, 'tasks', task(requestId));
  await write(11, 'tasks', task(`${requestId}-2`));
  await write(12, 'work.small.fp32', work(requestId, 'coarse', 'small', START + 12, REASON));
  await write(20, 'outcomes', completed(requestId, 'coarse', 'small', REASON));
  await write(24, 'work.large.fp32', work(requestId, 'fine', 'large', START + 23, 'fixed'));
  await write(50, 'outcomes', completed(requestId, 'fine', 'large', 'fixed'));
  await write(60, 'responses', response(requestId), { headers: { 'tandem-request-id': requestId, 'tandem-source': 't.requests/0/0' } });
  await write(61, 'responses', response(`${requestId}-2`), { headers: { 'tandem-request-id': `${requestId}-2` } });
  return { write, explain };
}

describe('the path of a request', () => {
  it('is every record of it and none of others, in the order of time', async () => {
    const { explain } = await fullPath('r');
    for (const given of [{}, { key: '42' }]) {
      const { events, notes, workload, userId, arrivedAt, deadlineAt } = await explain('r', given);
      expect(events.map(({ kind, time, what }) => [kind, time - START, what])).toEqual([
        ['request', 0, ''], ['task', 10, 'full'], ['work', 12, 'coarse for small.fp32'], ['outcome', 20, 'coarse completed'],
        ['work', 24, 'fine for large.fp32'], ['outcome', 50, 'fine completed'], ['response', 60, 'complete'],
      ]);
      expect({ notes, workload, userId, arrivedAt, deadlineAt }).toEqual({ notes: [], workload: 'recommend', userId: '42', arrivedAt: START, deadlineAt: START + 200 });
    }
  });

  it('says of each decision why, and what was expected against what came', async () => {
    const { explain } = await fullPath('r');
    const { decisions } = await explain('r');
    expect(decisions.map(({ stage, step, what }) => [stage, step, what])).toEqual([
      ['classifier', undefined, 'full, interactive, tier vip: coarse on small; fine on large after coarse (rerank)'],
      ['scheduler', 'coarse', 'dispatched to small.fp32'], ['worker', 'coarse', 'completed on small.fp32 version 1'],
      ['scheduler', 'fine', 'dispatched to large.fp32'], ['worker', 'fine', 'completed on large.fp32 version 1'], ['fusion', undefined, 'answered: complete after 60 ms'],
    ]);
    expect(decisions[0]!.why).toBe('the request asks for it (hints.task full), 3 interactions known, accuracy floor 0.9, features_stale');
    expect(decisions[2]).toMatchObject({ predicted: { queueMs: 3, computeMs: 2.5, doneInMs: 6 }, actual: { queueMs: 5, computeMs: 2 } });
    expect(decisions[4]).not.toHaveProperty('predicted');
  });

  it('says where the time went, without a gap', async () => {
    const { explain } = await fullPath('r');
    const { waterfall } = await explain('r');
    expect(waterfall.map(({ stage, label, startMs, durationMs }) => [stage, label, startMs, durationMs])).toEqual([
      ['classifier', 'request → task', 0, 10], ['scheduler', 'coarse: decide and write work', 10, 2], ['worker', 'coarse: waits for small.fp32', 12, 5],
      ['worker', 'coarse: computes on small.fp32', 17, 2], ['worker', 'coarse: outcome is written', 19, 1], ['scheduler', 'fine: decide and write work', 20, 4],
      ['worker', 'fine: waits for large.fp32', 24, 4], ['worker', 'fine: computes on large.fp32', 28, 2], ['worker', 'fine: outcome is written', 30, 20],
      ['fusion', 'last outcome → response', 50, 10],
    ]);
  });

  it('is found by ids that JSON has to escape', async () => {
    const { explain } = await fullPath('a"b\\ü');
    expect((await explain('a"b\\ü')).events).toHaveLength(7);
  });

  it('of a request that became a dead letter ends there', async () => {
    const { write, explain } = await harness();
    await write(0, 'requests', { requestId: 'bad', workload: 'nobody' }, { partition: 2 });
    const headers = { [DEAD_LETTER_HEADER.sourceTopic]: 't.requests', [DEAD_LETTER_HEADER.sourcePartition]: '2', [DEAD_LETTER_HEADER.sourceOffset]: '0', [DEAD_LETTER_HEADER.code]: 'unknown_workload', [DEAD_LETTER_HEADER.stage]: 'classifier', [DEAD_LETTER_HEADER.message]: 'no such workload' };
    await write(5, 'dead-letters', { requestId: 'bad', workload: 'nobody' }, { key: 't.requests/2/0', headers });
    const { events, decisions, notes } = await explain('bad');
    expect(events.map(({ kind }) => kind)).toEqual(['request', 'dead-letter']);
    expect(decisions).toMatchObject([{ stage: 'classifier', what: 'dead letter: unknown_workload', why: 'no such workload' }]);
    expect(notes).toEqual(['no response: the record is a dead letter']);
  });

  it('through chained stages is what is in topics, and says so', async () => {
    const { write, explain } = await harness();
    await write(0, 'requests', { requestId: 'c', workload: 'recommend', userId: '42' }, { partition: 0 });
    await write(30, 'responses', response('c'), { headers: { 'tandem-request-id': 'c', 'tandem-source': 't.requests/0/0' } });
    const { waterfall, notes } = await explain('c');
    expect(waterfall).toEqual([{ stage: 'chained', label: 'request → response', startMs: 0, durationMs: 30 }]);
    expect(notes).toEqual([expect.stringContaining('chained')]);
  });

  it('of a user whose name was given wrongly is that of its own user', async () => {
    const { explain } = await fullPath('own');
    const other = ['a', 'b', 'c', 'd', 'e', 'f'].find((key) => partitionOfKey(key, 4) !== partitionOfKey('42', 4))!;
    expect((await explain('own', { key: other })).events.map(({ kind }) => kind)).toEqual(['request', 'task', 'work', 'outcome', 'work', 'outcome', 'response']);
  });

  it('that is still on its way, that nobody knows, or that is too old, is told apart', async () => {
    const { write, explain } = await harness();
    await write(0, 'requests', { requestId: 'new', workload: 'recommend', userId: '42' }, { partition: partitionOfKey('42', 4) });
    expect((await explain('new')).notes).toEqual([expect.stringContaining('no final response yet')]);
    expect((await explain('nobody')).events).toEqual([]);
    expect((await explain('new', { since: START + 1 })).events).toEqual([]);
  });
});

it('a search goes back by growing windows, and never further than it is told', () => {
  const now = START;
  expect(backTos(now, now - 30_000)).toEqual([now - 30_000]);
  expect(backTos(now, now - 3_600_000)).toEqual([now - 60_000, now - 600_000, now - 3_600_000]);
});
