import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BackfillJob } from './job.ts';
import type { BackfillOptions } from './options.ts';
import { Crash, Disk, durableLog, inputOf, memoryFiles, PREFIX, Process, startFakeFlow, type FakeFlow } from './testing.ts';

const line = (over: object = {}) => `${JSON.stringify({ workload: 'w', input: {}, ...over })}\n`;
const many = (count: number) => Array.from({ length: count }, (_, index) => line({ userId: `u${index % 7}` })).join('');

const never = new AbortController().signal;
const quick = { prefix: PREFIX, pollMs: 1, saveMs: 0, deadLetterGraceMs: 20, inFlight: 40 };

function optionsOf(flow: FakeFlow, disk: Disk, text: string, over: Partial<BackfillOptions> = {}): BackfillOptions {
  return { ...quick, log: durableLog(flow.log), files: memoryFiles(disk), openInput: async () => ({ source: inputOf(text) }), ...over };
}

async function run(flow: FakeFlow, disk: Disk, text: string, over: Partial<BackfillOptions> = {}, signal = never) {
  const job = await BackfillJob.open(optionsOf(flow, disk, text, over));
  return job.run(signal);
}

const idsOf = (disk: Disk) => disk.lines.map((each) => (JSON.parse(each) as { requestId: string }).requestId);

describe('a backfill', () => {
  test('answers every line once, names lines without an id after job and number, and keeps other ids', async () => {
    await using flow = await startFakeFlow();
    const disk = new Disk();
    const summary = await run(flow, disk, line() + line({ requestId: 'mine' }) + '\n' + line());
    expect(idsOf(disk).toSorted()).toEqual(['job-1', 'job-4', 'mine']);
    expect(summary).toMatchObject({ complete: true, lines: 4, valid: 3, answered: 3, unanswered: 0, statuses: { complete: 3 } });
  });

  test('reports bad lines with number and code, and goes on', async () => {
    await using flow = await startFakeFlow();
    const disk = new Disk();
    const text = '{"half\n' + line({ workload: 7 }) + line({ requestId: 'a' }) + line({ requestId: 'a' }) + 'x'.repeat(1_100_000) + '\n' + line({ cancel: true });
    const summary = await run(flow, disk, text);
    expect(disk.errors.trim().split('\n').map((each) => JSON.parse(each) as unknown)).toMatchObject([
      { line: 1, code: 'invalid_json' }, { line: 2, code: 'invalid_request' }, { line: 4, code: 'duplicate_request' }, { line: 5, code: 'too_large' },
      { line: 6, code: 'invalid_request' },
    ]);
    expect(summary).toMatchObject({ complete: true, valid: 1, answered: 1, bad: { invalid_json: 1, invalid_request: 2, duplicate_request: 1, too_large: 1 } });
  });

  test('counts answers by status, reason and code, and requests that end as dead letters', async () => {
    await using flow = await startFakeFlow({
      answer: (id) => id === 'lost' ? { deadLetter: 'internal' } : id === 'no' ? { status: 'rejected', reason: 'invalid', error: { code: 'invalid_input', message: 'm' } } : {},
    });
    const disk = new Disk();
    const summary = await run(flow, disk, line({ requestId: 'lost' }) + line({ requestId: 'no' }) + line({ requestId: 'yes' }));
    expect(summary).toMatchObject({
      complete: false, answered: 2, failed: { internal: 1 }, statuses: { complete: 1, rejected: 1 }, reasons: { invalid: 1 }, errors: { invalid_input: 1 },
    });
    expect(disk.errors).toContain('"requestId":"lost"');
  });

  test('ends unfinished when nothing comes back for long, and says how many are missing', async () => {
    await using flow = await startFakeFlow({ answer: (id) => (id === 'job-2' ? undefined : {}) });
    const summary = await run(flow, new Disk(), many(3), { patienceMs: 200 });
    expect(summary).toMatchObject({ complete: false, answered: 2, unanswered: 1 });
  });

  test('never has more requests outstanding than allowed', async () => {
    let silent = 0;
    await using flow = await startFakeFlow({ answer: () => ((silent += 1) <= 5 ? undefined : {}) });
    const summary = await run(flow, new Disk(), many(50), { inFlight: 5, patienceMs: 200 });
    expect(flow.requests).toHaveLength(5);
    expect(summary).toMatchObject({ complete: false, unanswered: 5 });
  });

  test('a suffix makes new ids, so that answered requests can be asked again', async () => {
    await using flow = await startFakeFlow();
    await run(flow, new Disk(), line({ requestId: 'a' }));
    const disk = new Disk();
    const summary = await run(flow, disk, line({ requestId: 'a', hints: { deadlineMs: 5, tier: 'gold' } }), { idSuffix: true, dropDeadlines: true });
    expect([summary.complete, idsOf(disk)]).toEqual([true, ['a-job']]);
  });
});

describe('a backfill that goes on', () => {
  test.each([
    ['another input', { openInput: async () => ({ source: inputOf(many(3), 'other') }) }, 'input_changed'],
    ['another job name', { job: 'other' }, 'input_changed'],
    ['another suffix', { idSuffix: '-x' }, 'input_changed'],
  ])('refuses %s', async (_, over, code) => {
    await using flow = await startFakeFlow();
    const disk = new Disk();
    await run(flow, disk, many(3));
    await expect(run(flow, disk, many(3), over)).rejects.toMatchObject({ code });
  });

  test('refuses an output that was cut, and one that is not its own', async () => {
    await using flow = await startFakeFlow();
    const disk = new Disk();
    await run(flow, disk, many(3));
    disk.output = disk.output!.subarray(1);
    await expect(run(flow, disk, many(3))).rejects.toMatchObject({ code: 'output_changed' });
    disk.state = undefined;
    await expect(run(flow, disk, many(3))).rejects.toMatchObject({ code: 'output_exists' });
  });

  test('begins anew with --restart, under other ids', async () => {
    await using flow = await startFakeFlow();
    const disk = new Disk();
    await run(flow, disk, many(3));
    const first = idsOf(disk);
    expect(await run(flow, disk, many(3), { restart: true })).toMatchObject({ complete: true, resumed: false, answered: 3 });
    expect(idsOf(disk).filter((id) => first.includes(id))).toEqual([]);
  });

  test('ends early and saved at a signal', async () => {
    const stop = new AbortController();
    await using flow = await startFakeFlow({
      answer() {
        if (flow.requests.length === 20) stop.abort();
        return {};
      },
    });
    const disk = new Disk();
    expect(await run(flow, disk, many(500), {}, stop.signal)).toMatchObject({ complete: false, interrupted: true });
    expect(await run(flow, disk, many(500))).toMatchObject({ complete: true, interrupted: false, answered: 500 });
    expect([flow.requests.length, new Set(idsOf(disk)).size]).toEqual([500, 500]);
  });

  test('sends again what had no answer where the log has gone with the process', async () => {
    const disk = new Disk();
    const stop = new AbortController();
    {
      await using flow = await startFakeFlow({ answer: (id) => (Number(id.split('-')[1]) > 10 ? undefined : {}) });
      const running = run(flow, disk, many(20), { log: flow.log, patienceMs: 100 }, stop.signal);
      expect(await running).toMatchObject({ complete: false, answered: 10 });
    }
    await using flow = await startFakeFlow();
    expect(await run(flow, disk, many(20), { log: flow.log })).toMatchObject({ complete: true, answeredBefore: 10, answered: 20 });
    expect(flow.requests).toHaveLength(10);
    expect(new Set(idsOf(disk)).size).toBe(20);
  });

  test('killed at any moment, any number of times: every line has one whole response, and is asked once', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 300 }), fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 6 }), fc.constantFrom(0, 5, 10_000), async (count, deaths, saveMs) => {
      await using flow = await startFakeFlow();
      const disk = new Disk();
      const text = `${many(count)}{bad\n`;
      for (const effects of deaths) {
        const process = new Process(effects);
        const over = { saveMs, log: durableLog(flow.log, process), files: memoryFiles(disk, process) };
        await run(flow, disk, text, over).catch((error: unknown) => {
          if (!(error instanceof Crash)) throw error;
        });
      }
      const summary = await run(flow, disk, text, { saveMs });
      expect(summary).toMatchObject({ complete: true, valid: count, answered: count, bad: { invalid_json: 1 }, failed: {} });
      const expected = Array.from({ length: count }, (_, index) => `job-${index + 1}`).toSorted();
      expect(idsOf(disk).toSorted()).toEqual(expected);
      expect(flow.requests.toSorted()).toEqual(expected);
      expect(disk.errors.trim().split('\n')).toHaveLength(1);
    }), { numRuns: 60 });
  }, 120_000);
});
