import { PassThrough } from 'node:stream';
import { createEmbeddedLog } from '@tandem/shared/log';
import { expect, onTestFinished, test } from 'vitest';
import { runDemo, type DemoOptions, type PreparedDemo } from './demo.ts';
import { FAKE_PREFIX, FAKE_WORKLOAD, fakeResponse, startFakeFlow, type Answer } from './fake-flow.ts';
import { createReplayPlan } from './replay-plan.ts';

function prepared(): PreparedDemo {
  const data = Array.from({ length: 12 }, (_, index) => {
    const userNumber = (index + 1) * 10;
    const items = Int32Array.from({ length: 30 }, (_unused, position) => position + 1);
    return { userNumber, items, times: items };
  });
  return { plan: createReplayPlan(data, { events: 120, seed: 1 }), titles: new Map(Array.from({ length: 30 }, (_, index) => [String(index + 1), `Film ${index + 1}`])) };
}

const answerNext: Answer = (request) => {
  const next = Number(request.input['asOfInteractions']) + 1;
  return [fakeResponse(request, [String(next + 1), String(next)])];
};

function capture(isTTY = false) {
  let text = '';
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 100, rows: 50 });
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { stream, text: () => text };
}

async function demo(over: Partial<DemoOptions> = {}, { answer = answerNext, isTTY = false, environment = {}, signal }: { answer?: Answer; isTTY?: boolean; environment?: Record<string, string>; signal?: AbortSignal } = {}) {
  const log = createEmbeddedLog();
  const flow = await startFakeFlow(log, answer);
  onTestFinished(async () => {
    await flow[Symbol.asyncDispose]();
    await log.close();
  });
  const [stdout, stderr] = [capture(isTTY), capture(isTTY)];
  const options = { events: 120, rate: 'max', seed: 1, json: false, ...over } as const;
  const exitCode = await runDemo(prepared(), options, { log, prefix: FAKE_PREFIX, workloads: [FAKE_WORKLOAD] }, { stdout: stdout.stream, stderr: stderr.stream, environment }, signal);
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

test('with --json, standard output is one JSON object of the promised shape and nothing else', async () => {
  const { exitCode, stdout, stderr } = await demo({ json: true, run: 'r1' });
  expect(exitCode).toBe(0);
  expect(stderr).toBe('');
  const summary = JSON.parse(stdout);
  expect(summary).toMatchObject({
    events: 120, responses: 120, seconds: expect.any(Number), responsesPerSecond: expect.any(Number),
    latencyMs: { p50: expect.any(Number), p99: expect.any(Number) }, hitRateAt10: 1, ndcgAt10: 0.6309,
    statuses: { complete: 120 }, meanBatchSize: 1, missing: 0, duplicates: 0, seed: 1, rate: 'max', run: 'r1',
  });
  expect(Object.keys(summary.shares)).toEqual(['large.fp32', 'small.fp32']);
  expect(summary.shares['large.fp32'] + summary.shares['small.fp32']).toBeCloseTo(1, 3);
  expect(Object.keys(summary.quality)).toEqual(['smallOnly', 'largeOnly', 'full']);
});

test('with --json, progress goes to standard error where that is a terminal', async () => {
  const { stdout, stderr } = await demo({ json: true }, { isTTY: true });
  expect(JSON.parse(stdout)).toMatchObject({ responses: 120 });
  expect(stderr).toContain('Replaying 120 events');
});

test('people see a summary, the quality by kind, and recommendations with titles', async () => {
  const { exitCode, stdout, stderr } = await demo();
  expect(exitCode).toBe(0);
  // Neither is a terminal here: no progress.
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^\nA few recommendations/);
  for (const text of ['requests answered', '120 of 120', 'small only', 'large only', 'full (small → large)', 'drawn by lot', 'watched last', '✓ watched']) {
    expect(stdout).toContain(text);
  }
  expect(stdout).toMatch(/Film \d+ → Film \d+/);
  expect(stdout).not.toContain('\u001B[');
});

test('a terminal gets colours, unless NO_COLOR is set', async () => {
  expect((await demo({}, { isTTY: true })).stdout).toContain('\u001B[1mSummary');
  expect((await demo({}, { isTTY: true, environment: { NO_COLOR: '1' } })).stdout).toContain('\nSummary');
});

test('a flow whose answers are all empty fails the demo', async () => {
  const { exitCode, stdout } = await demo({}, {
    answer: (request, known) => (request.requestId.includes('warm') ? answerNext(request, known) : [{ ...fakeResponse(request, []), status: 'failed' }]),
  });
  expect(exitCode).toBe(1);
  expect(stdout).toContain('no answer');
});

test('who stops it before the first request is told so, and sees no figures of nothing', async () => {
  const { exitCode, stdout, stderr } = await demo({}, { signal: AbortSignal.abort() });
  expect([exitCode, stdout]).toEqual([1, '']);
  expect(stderr).toContain('Stopped before the first request.');
});

test('a missing workload is named', async () => {
  const log = createEmbeddedLog();
  const { stream } = capture();
  const running = runDemo(prepared(), { events: 120, rate: 'max', seed: 1, json: true }, { log, prefix: FAKE_PREFIX, workloads: [] }, { stdout: stream, stderr: stream, environment: {} });
  await expect(running).rejects.toMatchObject({ code: 'unknown_workload' });
  await log.close();
});
