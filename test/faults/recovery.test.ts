import fc from 'fast-check';
import { expect, test } from 'vitest';
import { recoveries } from './recovery.ts';

const RATE = 100;
const LOAD_MS = 60_000;
const TOLERANCE_MS = 1_000;

/** Answers at the offered rate, except where `gone` says otherwise. */
function flow(gone: (at: number, index: number) => boolean) {
  const answers = Array.from({ length: (LOAD_MS * RATE) / 1_000 }, (_, index) => ({ at: (index * 1_000) / RATE, partition: index % 2 }))
    .filter(({ at }, index) => !gone(at, index));
  return { answers, loadStartedAt: 0, loadEndedAt: LOAD_MS, offeredRate: RATE };
}

test('a fault that nobody noticed takes no time to recover from', () => {
  const [recovery] = recoveries([{ startedAt: 20_000, endedAt: 20_000 }], flow(() => false));
  expect(recovery).toEqual({ fromStartMs: 0, fromEndMs: 0, longestSilenceMs: 0, longestGapMs: 0, recovered: true, overlapped: false });
});

test('silence is measured to its end, wherever it lies', () => {
  fc.assert(fc.property(fc.integer({ min: 5_000, max: 30_000 }), fc.integer({ min: 500, max: 15_000 }), (startedAt, silentMs) => {
    const [recovery] = recoveries([{ startedAt, endedAt: startedAt }], flow((at) => at >= startedAt && at < startedAt + silentMs));
    expect(Math.abs(recovery!.fromStartMs - silentMs)).toBeLessThanOrEqual(TOLERANCE_MS);
    expect(Math.abs(recovery!.longestSilenceMs - silentMs)).toBeLessThanOrEqual(TOLERANCE_MS);
    expect(recovery!.recovered).toBe(true);
  }));
});

test('half of the answers missing is not recovered, and is no silence', () => {
  const half = flow((at, index) => at >= 20_000 && at < 32_000 && index % 2 === 0);
  const [recovery] = recoveries([{ startedAt: 20_000, endedAt: 20_000 }], half);
  expect(Math.abs(recovery!.fromStartMs - 12_000)).toBeLessThanOrEqual(TOLERANCE_MS);
  expect(recovery!.longestSilenceMs).toBeLessThan(100);
  expect(Math.abs(recovery!.longestGapMs - 12_000)).toBeLessThanOrEqual(TOLERANCE_MS);
});

test('the burst of a backlog does not make up for the silence before it', () => {
  const silent = flow((at) => at >= 20_000 && at < 25_000);
  const burst = { ...silent, answers: [...silent.answers, ...Array.from({ length: 500 }, () => ({ at: 25_000, partition: 0 }))] };
  const [recovery] = recoveries([{ startedAt: 20_000, endedAt: 20_000 }], burst);
  expect(Math.abs(recovery!.fromStartMs - 5_000)).toBeLessThanOrEqual(TOLERANCE_MS);
});

test('what the end of a fault does is measured from there', () => {
  const twice = flow((at) => (at >= 20_000 && at < 22_000) || (at >= 35_000 && at < 38_000));
  const [recovery] = recoveries([{ startedAt: 20_000, endedAt: 35_000 }], twice);
  expect(Math.abs(recovery!.fromStartMs - 2_000)).toBeLessThanOrEqual(TOLERANCE_MS);
  expect(Math.abs(recovery!.fromEndMs - 3_000)).toBeLessThanOrEqual(TOLERANCE_MS);
});

test('says when answers did not come back before the load ended', () => {
  const [recovery] = recoveries([{ startedAt: 50_000, endedAt: 50_000 }], flow((at) => at >= 50_000));
  expect(recovery).toMatchObject({ recovered: false, fromStartMs: 10_000, longestSilenceMs: 10_000 });
});

test('a fault after the load is not measured', () => {
  expect(recoveries([{ startedAt: 59_000, endedAt: 61_000 }], flow(() => false))).toEqual([undefined]);
});

test('a fault that comes while another lasts is measured by the rate that it found, and both say that they overlap', () => {
  const half = flow((at, index) => at >= 20_000 && at < 40_000 && index % 2 === 0);
  const [first, second, third] = recoveries([
    { startedAt: 20_000, endedAt: 21_000 }, { startedAt: 30_000, endedAt: 30_000 }, { startedAt: 45_000, endedAt: 45_000 },
  ], half);
  expect(Math.abs(first!.fromStartMs - 20_000)).toBeLessThanOrEqual(TOLERANCE_MS);
  expect(second!.fromStartMs).toBe(0);
  expect(first!.longestGapMs).toBeLessThanOrEqual(10_000);
  expect([first, second, third].map((recovery) => recovery?.overlapped)).toEqual([true, false, false]);
});
