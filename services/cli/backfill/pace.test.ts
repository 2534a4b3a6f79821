import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Heartbeat } from '@tandem/schemas';
import { ManualClock } from '@tandem/shared/clock';
import { IdleWatch } from './idle-watch.ts';
import { Pace } from './pace.ts';
import { isOpen, parseWindow } from './window.ts';

const at = (hours: number, minutes = 0) => new Date(2026, 10, 20, hours, minutes);

describe('a window', () => {
  test.each([
    ['22:00-06:00', [[22, 0], [23, 59], [0, 0], [5, 59]], [[6, 0], [12, 0], [21, 59]]],
    ['9:30-17:00', [[9, 30], [16, 59]], [[9, 29], [17, 0], [0, 0]]],
    ['00:00-24:00', [[0, 0], [23, 59]], []],
  ] as const)('%s', (text, open, closed) => {
    const window = parseWindow(text);
    for (const [hours, minutes] of open) expect(isOpen(window, at(hours, minutes)), `${hours}:${minutes}`).toBe(true);
    for (const [hours, minutes] of closed) expect(isOpen(window, at(hours, minutes)), `${hours}:${minutes}`).toBe(false);
  });

  test.each(['22:00', '22:00-22:00', '25:00-06:00', '10:60-11:00', 'a-b', '1:00-2:00-3:00', ''])('is refused: %s', (text) => {
    expect(() => parseWindow(text)).toThrow(expect.objectContaining({ code: 'usage' }));
  });

  test('and the window of its ends the other way round are never open together, and one always is', () => {
    const time = fc.integer({ min: 0, max: 1_439 });
    const text = (minutes: number) => `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}`;
    fc.assert(fc.property(time, time, time, (from, to, now) => {
      fc.pre(from !== to);
      const date = at(Math.floor(now / 60), now % 60);
      expect(isOpen(parseWindow(`${text(from)}-${text(to)}`), date)).not.toBe(isOpen(parseWindow(`${text(to)}-${text(from)}`), date));
    }));
  });
});

describe('the pace', () => {
  const paceOf = (over: object = {}) => {
    const clock = new ManualClock(at(12).getTime());
    return { clock, pace: new Pace({ clock, rate: undefined, window: undefined, idle: undefined, ...over }) };
  };

  test('keeps to a rate, and does not make up for a pause in a burst', () => {
    const { clock, pace } = paceOf({ rate: 100 });
    const sent = (steps: number) => {
      let count = 0;
      for (let step = 0; step < steps; step += 1) {
        clock.advance(10);
        while (pace.take(0) === undefined) count += 1;
      }
      return count;
    };
    expect(sent(1_000)).toBeGreaterThanOrEqual(999);
    expect(sent(1_000)).toBeLessThanOrEqual(1_001);
    clock.advance(60_000);
    expect(sent(1)).toBeLessThanOrEqual(21);
  });

  test('waits outside its window, and while workers are busy', () => {
    let idle = false;
    const { clock, pace } = paceOf({ window: parseWindow('13:00-14:00'), idle: () => idle });
    expect(pace.take(0)).toBe('window');
    clock.advance(3_600_000);
    expect(pace.take(0)).toBe('load');
    idle = true;
    expect(pace.take(0)).toBeUndefined();
    clock.advance(3_600_000);
    expect(pace.take(0)).toBe('window');
  });
});

describe('workers are idle', () => {
  function watching() {
    const clock = new ManualClock(1_000_000);
    const watch = new IdleWatch({ log: { tail: () => Promise.reject(new Error('unused')) }, prefix: 'p.', clock, onFault: () => undefined });
    const beat = (over: { completed?: number; bulk?: number; queued?: number; cpuUse?: number } = {}) => {
      clock.advance(500);
      const { completed = 0, bulk = 0, queued = 0, cpuUse = 0.1 } = over;
      const variant = { model: 'm', precision: 'p', version: '1', queued, running: 0, completed, bulkCompleted: bulk, failed: 0, meanBatchSize: 4, meanBatchMs: 8 };
      const heartbeat: Heartbeat = { kind: 'worker', instance: 'w', time: 0, resources: { time: 0, cpuUse, cpuCores: 2, memoryBytes: 1, memoryFreeBytes: 1 }, variants: [variant] };
      watch.heard('w', Buffer.from(JSON.stringify(heartbeat)));
    };
    return { clock, watch, beat };
  }

  test('when two heartbeats show no interactive work, nothing waits and the CPU is free', () => {
    const { watch, beat } = watching();
    expect(watch.idle(false)).toBe(false);
    beat();
    expect(watch.idle(false)).toBe(false);
    beat();
    expect(watch.idle(false)).toBe(true);
    beat({ cpuUse: 0.9 });
    expect(watch.idle(false)).toBe(false);
    beat({ queued: 3 });
    expect(watch.idle(false)).toBe(false);
  });

  test('but for our own work, as long as interactive work is rare', () => {
    const { watch, beat } = watching();
    beat();
    beat({ completed: 200, bulk: 200, queued: 500, cpuUse: 1 });
    expect([watch.idle(true), watch.idle(false)]).toEqual([true, false]);
    beat({ completed: 500, bulk: 400 });
    expect(watch.idle(true)).toBe(false);
  });

  test('never when nothing is heard of any worker', () => {
    const { clock, watch, beat } = watching();
    beat();
    beat();
    clock.advance(4_000);
    expect(watch.idle(false)).toBe(false);
    beat();
    watch.heard('w', null);
    expect(watch.idle(false)).toBe(false);
  });
});
