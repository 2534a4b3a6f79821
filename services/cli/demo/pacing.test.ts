import { ManualClock } from '@tandem/shared/clock';
import { expect, test } from 'vitest';
import { closedLoop, openLoop } from './pacing.ts';

test('an open loop sends by schedule, whether or not there are answers', () => {
  const clock = new ManualClock(1_000);
  const sent: [number, number][] = [];
  const pacer = openLoop({ total: 3, clock, send: (index, dueAt) => sent.push([index, dueAt]), dueAfterMs: (index) => (index + 1) * 10 });
  pacer.start();
  expect(sent).toEqual([]);
  clock.advance(20);
  expect(sent).toEqual([[0, 1_010], [1, 1_020]]);
  expect(pacer.allSent).toBe(false);
  clock.advance(10);
  expect(pacer.allSent).toBe(true);
});

test('an open loop that comes late sends all that is due, each with the moment it was due', () => {
  const clock = new ManualClock(0);
  const dueTimes: number[] = [];
  let stall = () => clock.advance(100);
  const pacer = openLoop({
    total: 4, clock, dueAfterMs: (index) => index * 10,
    send(_, dueAt) {
      dueTimes.push(dueAt);
      stall();
      stall = () => undefined;
    },
  });
  pacer.start();
  clock.advance(0);
  expect(dueTimes).toEqual([0, 10, 20, 30]);
});

test('a stopped open loop sends no more', () => {
  const clock = new ManualClock(0);
  const sent: number[] = [];
  const pacer = openLoop({ total: 3, clock, send: (index) => sent.push(index), dueAfterMs: (index) => index * 10 });
  pacer.start();
  pacer.stop();
  clock.advance(100);
  expect(sent).toEqual([0]);
});

test('a closed loop keeps to its bound and sends one more for each answer', () => {
  const sent: number[] = [];
  const pacer = closedLoop({ total: 4, clock: new ManualClock(), maxOutstanding: 2, send: (index) => sent.push(index) });
  pacer.start();
  expect(sent).toEqual([0, 1]);
  pacer.answered();
  expect(sent).toEqual([0, 1, 2]);
  pacer.answered();
  pacer.answered();
  expect(sent).toEqual([0, 1, 2, 3]);
  expect(pacer.allSent).toBe(true);
});
