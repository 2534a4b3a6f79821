import { stripVTControlCharacters } from 'node:util';
import picocolors from 'picocolors';
import { expect, test } from 'vitest';
import { count, milliseconds, percent, seconds } from './format.ts';
import { liveFrame } from './live-frame.ts';
import { RateWindow } from './rate-window.ts';
import type { ReplayProgress } from './replay.ts';
import { ReplayStatistics } from './statistics.ts';

const colors = picocolors.createColors(false);

function progress(over: Partial<ReplayProgress> = {}): ReplayProgress {
  const statistics = new ReplayStatistics(12_000, { small: new Set(['small']), large: new Set() });
  statistics.sent = 1_202;
  const step = { step: 'coarse', model: 'small', precision: 'int8', version: '1', batchSize: 2, queueMs: 0, computeMs: 1, reason: 'test' };
  const response = { requestId: 'r', workload: 'recommend', status: 'complete' as const, final: true, sequence: 0, steps: [step], latencyMs: 1, time: 0, result: { items: [{ itemId: '1', score: 1 }] } };
  statistics.answered(response, 5, { itemId: '1', drawn: true });
  statistics.answered(response, 7, { itemId: '2', drawn: true });
  return { phase: 'replaying', preloaded: 10, toPreload: 10, seconds: 61, figures: statistics.figures(), ...over };
}

const frame = (of: ReplayProgress, columns = 80) => liveFrame(of, { title: 'Replaying', columns, colors, responsesPerSecond: 249.6 });

test('a frame shows rate, latency, variants with batch sizes, and quality by kind', () => {
  const text = frame(progress());
  for (const part of ['2 of 12,000 · 1 min 1 s', '250 · 1,200 in flight', 'p50 5.0 ms', 'small.int8 100 % (batch 2.0)', 'HR@10 0.500', 'complete 2']) expect(text).toContain(part);
});

test('no line of a frame is wider than a usual terminal', () => {
  for (const columns of [72, 80, 120]) {
    for (const line of frame(progress(), columns).split('\n')) expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(columns);
  }
});

test('a terminal without room for a bar, or that does not know its width, still gets the figures', () => {
  for (const columns of [30, 1, 0]) {
    expect(frame(progress(), columns)).toContain('2 of 12,000');
    expect(frame(progress({ phase: 'preloading', preloaded: 5 }), columns)).toContain('5 earlier interactions of 10');
  }
});

test('the phases before the replay say what is going on', () => {
  expect(frame(progress({ phase: 'preloading', preloaded: 5 }))).toContain('5 earlier interactions of 10');
  expect(frame(progress({ phase: 'warming up' }))).toContain('warming up');
});

test('the rate is that of the last seconds', () => {
  const rate = new RateWindow();
  for (let second = 1; second <= 10; second += 1) rate.add(second, second * 100);
  expect(rate.add(11, 1_000)).toBeCloseTo(80, 5);
});

test('numbers read well', () => {
  expect([count(12_345.4), milliseconds(3.21), milliseconds(1_234), percent(0.055), percent(0.5), percent(0), seconds(59), seconds(125)])
    .toEqual(['12,345', '3.2 ms', '1,234 ms', '5.5 %', '50 %', '0 %', '59 s', '2 min 5 s']);
});
