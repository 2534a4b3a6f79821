import { experimentSchema, type ExperimentReport, type Response, type ShadowOutcome, type Task } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import { actionFor, ExperimentBook, ReportBook, started, type Adapter } from '@tandem/shared/core';
import type { OutgoingRecord, TailOptions } from '@tandem/shared/log';
import { createMetrics, silentLogger } from '@tandem/shared/telemetry';
import { expect, test } from 'vitest';
import { ExperimentReports } from './experiment-reports.ts';
import { LiveAccuracy } from './live-accuracy.ts';

const ARMS = [{ name: 'usual', precision: 'fp32', weight: 1 }, { name: 'new', precision: 'int8', weight: 1 }, { name: 'seen', precision: 'fp16', shadow: true, weight: 1 }];
const CONTROL = started(experimentSchema.parse({ name: 'split', workload: 'shop', model: 'large', arms: ARMS }), {}, { by: 'me', time: 1, why: 'started' });
const ITEMS = Array.from({ length: 12 }, (_, index) => `item ${index}`);
const itemsOf = (ids: readonly string[]) => ids.map((itemId, index) => ({ itemId, score: 1 - index / 100 }));
const presenting = { present: ({ items }: { items: readonly number[] }) => ({ items: itemsOf(items.map((item) => `item ${item}`)) }) } as unknown as Adapter;

/** Both as fusion's process puts them together. */
function answering() {
  const [clock, experiments, book] = [new ManualClock(10_000), new ExperimentBook(), new ReportBook()];
  experiments.update([CONTROL]);
  const metrics = createMetrics({ processMetrics: false });
  const sent: OutgoingRecord[] = [];
  let failures = 0;
  const producer = {
    async send(records: readonly OutgoingRecord[]) {
      if ((failures -= 1) >= 0) throw new Error('the log is away');
      sent.push(...records);
      for (const { key, value } of records) book.heard(String(key), Buffer.from(String(value)));
    },
  };
  const judged: [string, boolean][] = [];
  let interaction: TailOptions['onRecord'] = () => undefined;
  const tail = ({ onRecord }: TailOptions) => {
    interaction = onRecord;
    return Promise.resolve({ caughtUp: Promise.resolve(), close: () => Promise.resolve() });
  };
  const shared = { prefix: 't.', clock, logger: silentLogger, metrics };
  const reports = new ExperimentReports({ ...shared, instance: 'f', experiments, producer, adapterOf: () => presenting, onItems: (copy) => accuracy.shadowed(copy) });
  const accuracy: LiveAccuracy = new LiveAccuracy({ ...shared, log: { tail }, onJudged: (arm, userId, isHit) => reports.judged(arm, userId, isHit), onAnswer: (requestId, isHit) => judged.push([requestId, isHit]) });
  const answered = (response: Response, arm?: string) => {
    const task = arm === undefined ? {} : { experiments: [{ experiment: 'split', arm }] };
    accuracy.answered(response, task);
    reports.answered(response, task);
  };
  /** A record as it comes from the topic. */
  const act = (userId: string, itemId: string, timestamp: number) => interaction({ value: Buffer.from(JSON.stringify({ userId, itemId })), timestamp } as never);
  const told = async () => {
    clock.advance(1_000);
    await Promise.resolve();
    await Promise.resolve();
    return book.countsOf(CONTROL);
  };
  return { accuracy, reports, experiments, metrics, judged, sent, answered, act, told, fail: (count: number) => (failures = count) };
}

function responseTo(userId: string, over: Partial<Response> = {}, precision = 'int8'): Response {
  const step = { step: 'fine', model: 'large', precision, version: '1', batchSize: 4, queueMs: 1, computeMs: 1, reason: '' };
  return {
    requestId: `for ${userId}`, workload: 'shop', userId, status: 'complete', final: true, sequence: 0, result: { items: itemsOf(ITEMS) }, steps: [step], latencyMs: 20, time: 1_020, ...over,
  };
}

test('an answer is a hit where its user’s next act is among its first ten items, and counts for its arm', async () => {
  const { accuracy, reports, metrics, judged, answered, act, told } = answering();
  await accuracy.start();
  reports.start();
  answered(responseTo('a'), 'new');
  answered(responseTo('b'), 'new');
  answered(responseTo('c', {}, 'fp32'), 'usual');
  answered(responseTo('d', {}, 'fp32'));
  act('a', 'item 9', 1_100);
  act('b', 'item 10', 1_100);
  act('c', 'item 0', 1_100);
  act('d', 'item 0', 1_100);
  // No request of theirs, and one that is from before the request.
  act('e', 'item 0', 1_100);
  const counts = await told();
  expect(judged).toEqual([['for a', true], ['for b', false], ['for c', true], ['for d', true]]);
  expect(counts['new']).toMatchObject({ answers: 2, bad: 0, users: 2, judged: 2, hits: 1 });
  expect(counts['usual']).toMatchObject({ answers: 1, users: 1, judged: 1, hits: 1 });
  const hits = (await metrics.liveHits.get()).values;
  expect(hits.find(({ labels }) => labels.precision === 'fp32')?.value).toBe(2);
  expect((await metrics.liveJudged.get()).values.find(({ labels }) => labels.precision === 'int8')?.value).toBe(2);
});

test('what a user did before asking, what cannot be read, and answers without items or models judge nothing', async () => {
  const { accuracy, judged, answered, act } = answering();
  await accuracy.start();
  answered(responseTo('a'), 'new');
  act('a', 'item 0', 999);
  accuracy.interaction({ value: Buffer.from('{"userId":'), timestamp: 1_100 });
  accuracy.interaction({ value: Buffer.from('{"userId":"a","itemId":7}'), timestamp: 1_100 });
  accuracy.interaction({ value: null, timestamp: 1_100 });
  answered(responseTo('b', { steps: [] }), 'new');
  answered(responseTo('c', { result: { label: 'x', confidence: 1 } }), 'new');
  act('b', 'item 0', 1_100);
  act('c', 'item 0', 1_100);
  expect(judged).toEqual([]);
  act('a', 'item 0', 1_200);
  expect(judged).toEqual([['for a', true]]);
});

test('answers that are less than the plan count against their arm, and those that the sender spoilt do not count', async () => {
  const { reports, answered, told } = answering();
  reports.start();
  answered(responseTo('a', { status: 'degraded', reason: 'deadline' }), 'new');
  answered(responseTo('b', { status: 'rejected', reason: 'overload' }), 'new');
  answered(responseTo('c', { status: 'rejected', reason: 'invalid' }), 'new');
  answered(responseTo('d'), 'new');
  expect((await told())['new']).toMatchObject({ answers: 3, bad: 2 });
});

test('a copy counts for its own arm: how alike it is, and whether its user took what it would have offered', async () => {
  const { accuracy, reports, act, told } = answering();
  await accuracy.start();
  reports.start();
  const run = { model: 'large', precision: 'fp16', version: '1', batchSize: 1, queueMs: 2, computeMs: 3, reason: '' };
  const task = { workload: 'shop', userId: 'a', input: {}, arrivedAt: 1_000 } as Task;
  const end = (items: number[]) => ({ kind: 'completed' as const, run, result: { items, scores: items.map(() => 1) } });
  const outcome: ShadowOutcome = { kind: 'shadow', requestId: 'r', step: 'fine', task, previous: { fine: end([1, 2]) }, shadow: { experiment: 'split', arm: 'seen' }, end: end([2, 3]) };
  reports.shadowed(outcome);
  act('a', 'item 3', 1_050);
  expect((await told())['seen']).toMatchObject({ answers: 1, compared: 1, agreed: 0.5, judged: 1, hits: 1 });
});

test('counts that could not be written are told the next time, and those of an experiment that has been stopped are not kept', async () => {
  const { reports, experiments, sent, answered, told, fail } = answering();
  reports.start();
  fail(1);
  answered(responseTo('a'), 'new');
  expect((await told())['new']).toMatchObject({ answers: 0 });
  expect((await told())['new']).toMatchObject({ answers: 1 });
  expect((await told())['new']).toMatchObject({ answers: 1 });
  expect(sent).toHaveLength(1);
  expect(JSON.parse(String(sent[0]!.value)) as ExperimentReport).toMatchObject({ kind: 'experiment', experiment: 'split', source: 'f/10000', startedAt: CONTROL.startedAt });
  experiments.update([{ ...CONTROL, state: 'stopped' }]);
  answered(responseTo('b'), 'new');
  expect((await told())['new']).toMatchObject({ answers: 1 });
});

test('what users take promotes the arm that is better, as soon as enough of them have been heard of', async () => {
  const { accuracy, reports, answered, act, told } = answering();
  await accuracy.start();
  reports.start();
  const askAll = (users: number) => {
    for (let user = 0; user < users; user += 1) {
      for (const arm of ['usual', 'new']) {
        answered(responseTo(`${arm} ${user}`, {}, arm === 'new' ? 'int8' : 'fp32'), arm);
        // Three of four with the new one, one of four with the usual one.
        act(`${arm} ${user}`, user % 4 < (arm === 'new' ? 3 : 1) ? 'item 1' : 'another', 1_100);
      }
    }
  };
  askAll(100);
  const early = await told();
  expect(early['new']).toMatchObject({ judged: 100, hits: 75 });
  expect(actionFor(CONTROL, early, early)).toBeUndefined();
  askAll(400);
  const counts = await told();
  expect(actionFor(CONTROL, counts, counts)).toMatchObject({ kind: 'promote', arm: 'new', why: expect.stringMatching(/^HR@10 \+0\.5/) });
});
