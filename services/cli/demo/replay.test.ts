import type { Interaction, Request } from '@tandem/schemas';
import { createEmbeddedLog, type EventLog, type OutgoingRecord } from '@tandem/shared/log';
import { expect, onTestFinished, test } from 'vitest';
import { FAKE_PREFIX, FAKE_WORKLOAD, fakeResponse, startFakeFlow, type Answer } from './fake-flow.ts';
import { createReplayPlan, type ReplayPlan } from './replay-plan.ts';
import { runReplay, type ReplayOptions, type ReplayOutcome } from './replay.ts';

const USERS = [10, 20, 30, 40];

function plan(events = 60): ReplayPlan {
  const data = USERS.map((userNumber) => {
    const items = Int32Array.from({ length: 40 }, (_, index) => userNumber * 100 + index);
    return { userNumber, items, times: items.map((_, index) => 1_000 + index) };
  });
  return createReplayPlan(data, { events, seed: 1 });
}

/** A user's items are numbered in a row, so whoever knows the last one knows the next. */
const nextItem = (request: Request) => {
  const userNumber = Number(request.userId!.split('-').at(-1));
  return String(userNumber * 100 + Number(request.input['asOfInteractions']));
};
const clairvoyant: Answer = (request) => [fakeResponse(request, [nextItem(request)])];
const isWarmUp = ({ requestId }: { requestId: string }) => requestId.includes('warm');

/** All records in the order in which they are sent. */
function recordSends(log: EventLog): OutgoingRecord[] {
  const sent: OutgoingRecord[] = [];
  const open = log.producer.bind(log);
  log.producer = async (options) => {
    const producer = await open(options);
    const send = producer.send.bind(producer);
    producer.send = (records) => {
      sent.push(...records);
      return send(records);
    };
    return producer;
  };
  return sent;
}

async function replay(answer: Answer, over: Partial<ReplayOptions> = {}) {
  const log = createEmbeddedLog();
  const flow = await startFakeFlow(log, answer);
  onTestFinished(async () => {
    await flow[Symbol.asyncDispose]();
    await log.close();
  });
  const outcome = await runReplay({ log, prefix: FAKE_PREFIX, workload: FAKE_WORKLOAD, plan: plan(), rate: 'max', ...over });
  return { outcome, seen: flow.seen };
}

test('every event is asked for once and every answer is judged', async () => {
  const { outcome } = await replay(clairvoyant);
  expect(outcome).toMatchObject({ missing: 0, aborted: false, warm: true });
  expect(outcome.figures).toMatchObject({ sent: 60, responses: 60, duplicates: 0, strangers: 0, statuses: { complete: 60 } });
  expect(outcome.figures.overall).toMatchObject({ answers: 60, hitRateAt10: 1, ndcgAt10: 1 });
  expect(Object.keys(outcome.figures.kinds)).toEqual(['smallOnly', 'largeOnly', 'full']);
  expect(outcome.figures.latencyMs.p50).toBeGreaterThan(0);
});

test('a request goes out before the interaction that it must predict, and counts exactly those before it', async () => {
  const log = createEmbeddedLog();
  const sent = recordSends(log);
  await using _flow = await startFakeFlow(log, clairvoyant);
  await runReplay({ log, prefix: FAKE_PREFIX, workload: FAKE_WORKLOAD, plan: plan(), rate: 'max', maxOutstanding: 5 });
  const interactionsOf = new Map<string, number>();
  let requests = 0;
  for (const { topic, value } of sent) {
    const message = JSON.parse(String(value)) as Interaction | Request;
    if (topic.endsWith('interactions')) {
      interactionsOf.set(message.userId!, (interactionsOf.get(message.userId!) ?? 0) + 1);
    } else if (topic.endsWith('requests') && !isWarmUp(message as Request)) {
      requests += 1;
      expect((message as Request).input['asOfInteractions']).toBe(interactionsOf.get(message.userId!) ?? 0);
    }
  }
  expect(requests).toBe(60);
  await log.close();
});

test('each user’s interactions arrive in their order, those from before the replay first', async () => {
  const { seen } = await replay(clairvoyant);
  for (const userNumber of USERS) {
    const items = () => seen.filter(({ topic, value }) => topic.endsWith('interactions') && String(value['userId']).endsWith(`-${userNumber}`)).map(({ value }) => value['itemId']);
    // The last ones may still be on their way when the last request has been answered.
    await expect.poll(items).toEqual(Array.from({ length: 40 }, (_, index) => String(userNumber * 100 + index)));
  }
});

test('hints carry the lot and the deadline; without either there are none', async () => {
  const { seen } = await replay(clairvoyant, { deadlineMs: 77 });
  const hints = seen.flatMap(({ topic, value }) => (topic.endsWith('requests') && !isWarmUp(value as Request) ? [(value as Request).hints] : []));
  expect(hints.every((hint) => hint?.deadlineMs === 77)).toBe(true);
  expect(new Set(hints.map((hint) => hint?.task))).toEqual(new Set(['coarse', 'fine', 'full', undefined]));
  const { seen: bare } = await replay(clairvoyant, { plan: { ...plan(), events: plan().events.map((event) => ({ ...event, task: undefined })) } });
  expect(bare.filter(({ topic, value }) => topic.endsWith('requests') && !isWarmUp(value as Request)).every(({ value }) => !('hints' in value))).toBe(true);
});

test('answers that never come are counted as missing after a quiet time', async () => {
  const { outcome } = await replay((request, known) => (request.requestId.endsWith('7') && !isWarmUp(request) ? [] : clairvoyant(request, known)), { quietMs: 300 });
  expect(outcome).toMatchObject({ missing: 6, aborted: false });
  expect(outcome.figures.responses).toBe(54);
});

test('a doubled answer and answers to others are counted, not judged', async () => {
  const { outcome } = await replay((request, known) => {
    const [once] = clairvoyant(request, known);
    if (request.requestId.endsWith('-3')) return [once!, once!];
    return request.requestId.endsWith('-4') ? [once!, { ...once!, requestId: 'somebody-else' }] : [once!];
  }, { maxOutstanding: 1 });
  // -3 and -4 also end ids of the warm-up: its doubled answer is of no interest, the other is a stranger all the same.
  expect(outcome.figures).toMatchObject({ responses: 60, duplicates: 1, overall: { answers: 60 } });
  expect(outcome.figures.strangers).toBeGreaterThanOrEqual(1);
});

test.each(['features_stale', 'unknown_user'] as const)('the replay waits until the flow knows what happened before: %s', async (reason) => {
  let stale = 3;
  const { outcome, seen } = await replay((request) => {
    const response = fakeResponse(request, [nextItem(request)]);
    stale -= 1;
    return [stale >= 0 ? { ...response, reason } : response];
  });
  expect(outcome.warm).toBe(true);
  expect(outcome.figures.reasons).toEqual({});
  const rounds = new Set(seen.flatMap(({ value }) => /warm-(\d+)-/.exec(String(value['requestId']))?.[1] ?? []));
  expect(rounds.size).toBeGreaterThan(1);
});

test('a flow that stays stale is used all the same, and the outcome says so', async () => {
  const { outcome } = await replay((request) => [{ ...fakeResponse(request, []), reason: 'features_stale' }], { patienceMs: 250 });
  expect(outcome).toMatchObject({ warm: false, missing: 0 });
});

test('a flow that does not answer at all is an error that says what to check', async () => {
  await expect(replay(() => [], { patienceMs: 250 })).rejects.toMatchObject({ code: 'flow_silent', message: expect.stringContaining('same prefix') });
});

test('an abort ends the replay early with what there is', async () => {
  const stop = new AbortController();
  let answered = 0;
  const { outcome } = await replay((request, known) => {
    answered += isWarmUp(request) ? 0 : 1;
    if (answered === 10) stop.abort();
    return clairvoyant(request, known);
  }, { signal: stop.signal, maxOutstanding: 1 });
  expect(outcome.aborted).toBe(true);
  expect(outcome.figures.sent).toBeLessThan(60);
});

test('an open loop takes the time that its rate says', async () => {
  const phases = new Set<string>();
  const { outcome } = await replay(clairvoyant, { rate: 200, onProgress: ({ phase }) => phases.add(phase), progressIntervalMs: 5 });
  expect(outcome.seconds).toBeGreaterThanOrEqual(0.29);
  expect(outcome.figures.responses).toBe(60);
  expect(phases).toContain('replaying');
});

test('answers to chosen events are kept, and two replays over one log do not meet', async () => {
  const log = createEmbeddedLog();
  await using flow = await startFakeFlow(log, clairvoyant);
  const run = (): Promise<ReplayOutcome> => runReplay({ log, prefix: FAKE_PREFIX, workload: FAKE_WORKLOAD, plan: plan(), rate: 'max', keep: [3, 5] });
  const [first, second] = await Promise.all([run(), run()]);
  expect(first.run).not.toBe(second.run);
  expect([...first.kept.keys()].toSorted()).toEqual([3, 5]);
  for (const { figures } of [first, second]) expect(figures).toMatchObject({ responses: 60, duplicates: 0, overall: { hitRateAt10: 1 } });
  expect(first.figures.strangers + second.figures.strangers).toBeGreaterThan(0);
  expect(flow.seen.length).toBeGreaterThan(0);
  await log.close();
});
