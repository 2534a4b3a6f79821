import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AdmissionControl } from './admission-control.ts';
import { simulate, type SimulatedFlow } from './testing.ts';
import { ADMISSION_DEFAULTS, type AdmissionHeartbeat } from './types.ts';

const flow: SimulatedFlow = {
  classifiers: 1, stepsPerRequest: 1, transitMs: 50, cpuUse: () => 0.5, capacityPerSecond: () => 1_000,
};

function heartbeat(over: { completed?: number; interactive?: number; backlog?: number; cpuUse?: number } = {}): AdmissionHeartbeat {
  const { completed = 0, interactive = 0, backlog = 0, cpuUse = 0.5 } = over;
  const load = { model: 'm', precision: 'p', version: '1', queued: 0, running: 0, completed: completed + interactive, failed: 0, meanBatchSize: 1, meanBatchMs: 1 };
  return {
    instance: 'w', variants: [{ ...load, bulkBacklog: backlog, bulkCompleted: completed }],
    resources: { time: 0, cpuCores: 1, memoryBytes: 1, memoryFreeBytes: 1, cpuUse },
  };
}

const alone = (admitted: number) => ({ ofPartitions: 1, admitted, loopUse: 0, lagMs: 0 });

describe('bulk admission', () => {
  test('workers come to have three quarters of a second of bulk work waiting, whatever their pace, steps and classifiers', () => {
    fc.assert(fc.property(
      fc.integer({ min: 100, max: 5_000 }), fc.constantFrom(1, 2), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 5, max: 250 }),
      (capacity, stepsPerRequest, classifiers, transitMs) => {
        const settled = simulate({ ...flow, classifiers, stepsPerRequest, transitMs, capacityPerSecond: () => capacity }, 60_000).slice(-40);
        for (const { backlog, donePerSecond } of settled) {
          expect(donePerSecond).toBeGreaterThan(0.95 * capacity);
          expect(backlog / capacity).toBeGreaterThan(0.4);
          expect(backlog / capacity).toBeLessThan(1.1);
        }
      },
    ), { numRuns: 60 });
  });

  test('while the pace of the workers changes, never more than a few seconds of work wait', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 50, max: 3_000 }), { minLength: 2, maxLength: 6 }), (paces) => {
      const capacityPerSecond = (atMs: number) => paces[Math.min(paces.length - 1, Math.floor(atMs / 10_000))]!;
      const moments = simulate({ ...flow, capacityPerSecond }, paces.length * 10_000);
      const highest = Math.max(...paces);
      for (const { backlog } of moments) expect(backlog).toBeLessThan(2.5 * highest + 64);
    }), { numRuns: 60 });
  });

  test('never starves: at least the floor, whatever workers report', () => {
    const reports = fc.array(fc.record({
      completed: fc.nat(1_000_000), backlog: fc.nat(1_000_000), cpuUse: fc.double({ min: 0, max: 1, noNaN: true }), afterMs: fc.nat(5_000), lagMs: fc.nat(100_000), loopUse: fc.double({ min: 0, max: 1, noNaN: true }),
    }), { maxLength: 50 });
    fc.assert(fc.property(reports, fc.double({ min: 0, max: 1, noNaN: true }), (all, ofPartitions) => {
      const control = new AdmissionControl();
      let [now, admitted] = [0, 0];
      for (const { afterMs, loopUse, lagMs, ...report } of all) {
        now += afterMs;
        control.heard(heartbeat(report), now);
        const rate = control.perSecond({ ofPartitions, admitted, loopUse, lagMs }, now);
        expect(rate).toBeGreaterThanOrEqual(ADMISSION_DEFAULTS.floorPerSecond);
        expect(rate).toBeLessThanOrEqual(ADMISSION_DEFAULTS.ceilingPerSecond);
        admitted += rate * 0.02;
      }
    }));
  });

  test('without a live worker: the floor, also after its last heartbeat has become stale, and once it has left', () => {
    const control = new AdmissionControl();
    expect(control.perSecond(alone(0), 0)).toBe(1);
    control.heard(heartbeat(), 0);
    expect(control.perSecond(alone(0), 10)).toBeGreaterThan(1);
    expect(control.perSecond(alone(0), 3_100)).toBe(1);
    control.heard(heartbeat(), 3_200);
    control.gone('w');
    expect(control.perSecond(alone(0), 3_300)).toBe(1);
  });

  test('yields where the CPU is used up: use stays near its bound, though workers could take more', () => {
    const cpuUse = (donePerSecond: number) => Math.min(1, 0.4 + donePerSecond / 3_000);
    const settled = simulate({ ...flow, cpuUse, capacityPerSecond: () => 1_000_000 }, 60_000).slice(-40);
    for (const { donePerSecond } of settled) {
      expect(cpuUse(donePerSecond)).toBeGreaterThan(0.75);
      expect(cpuUse(donePerSecond)).toBeLessThan(0.9);
    }
  });

  test('yields in the same way to the busy event loop of its own process', () => {
    const control = new AdmissionControl();
    let admitted = 0;
    let rate = 0;
    for (let now = 0; now < 20_000; now += 20) {
      if (now % 500 === 0) control.heard(heartbeat({ completed: Math.floor(admitted), interactive: now / 2 }), now);
      rate = control.perSecond({ ofPartitions: 1, admitted, loopUse: 1, lagMs: 0 }, now);
      admitted += rate * 0.02;
    }
    // A hundredth of the five hundred interactive requests per second.
    expect(rate).toBeGreaterThan(4.9);
    expect(rate).toBeLessThan(6);
  });

  test('a CPU that others use up does not matter while there are no interactive requests', () => {
    const control = new AdmissionControl();
    let [admitted, rate] = [0, 0];
    for (let now = 0; now < 20_000; now += 20) {
      if (now % 500 === 0) control.heard(heartbeat({ completed: Math.floor(admitted), cpuUse: 1 }), now);
      rate = control.perSecond({ ofPartitions: 1, admitted, loopUse: 1, lagMs: 0 }, now);
      admitted += rate * 0.02;
    }
    expect(rate).toBeGreaterThan(1_000);
  });

  test('yields while tasks pile up before the scheduler, whoever needs them', () => {
    const control = new AdmissionControl();
    let [admitted, rate, arrived] = [0, 0, 0];
    for (let now = 0; now < 60_000; now += 20) {
      // A scheduler that passes on 300 a second, to workers that could do more.
      arrived = Math.min(admitted, arrived + 6);
      if (now % 500 === 0) control.heard(heartbeat({ completed: Math.floor(arrived) }), now);
      const lagMs = (1_000 * (admitted - arrived)) / 300;
      if (now > 20_000) expect(lagMs).toBeLessThan(5_000);
      rate = control.perSecond({ ofPartitions: 1, admitted, loopUse: 0, lagMs }, now);
      admitted += rate * 0.02;
    }
    expect(arrived / 60).toBeGreaterThan(200);
  });

  test('an overfull worker gets no more than the floor until it has caught up', () => {
    const control = new AdmissionControl();
    for (const now of [0, 500, 1_000]) control.heard(heartbeat({ backlog: 10_000, completed: now }), now);
    expect(control.perSecond(alone(10_000), 1_000)).toBe(1);
  });
});
