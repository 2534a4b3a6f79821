import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventLoop } from '../time/event-loop.ts';
import { SharedCpu } from './shared-cpu.ts';

/** Sessions begin at a time and need so much of a core; says when each is through. */
function run(cores: number, background: readonly number[], sessions: readonly { atMs: number; aloneMs: number }[]): number[] {
  const loop = new EventLoop();
  const cpu = new SharedCpu(loop, cores, background);
  const ends: number[] = [];
  sessions.forEach(({ atMs, aloneMs }, index) => loop.at(atMs, (_first, _second, now) => void cpu.compute(aloneMs, now, (which: number, _: undefined, at) => void (ends[which] = at), index, undefined), undefined, undefined));
  loop.run();
  return ends;
}

const together = (count: number, aloneMs = 10) => Array.from({ length: count }, () => ({ atMs: 0, aloneMs }));

test('with cores for all nobody is slowed down', () => {
  expect(run(2, [0.4, 0.5], together(1))).toEqual([10]);
});

test('who needs little has it, and sessions share what is left', () => {
  for (const end of run(2, [0.3, 0.2, 0.1], together(2))) expect(end).toBeCloseTo((10 * 2) / 1.4, 9);
});

test('nobody gets more than an equal share: others that would take it all leave sessions theirs', () => {
  for (const end of run(2, [5, 0.2], together(2))) expect(end).toBeCloseTo((10 * 3) / 1.8, 9);
  for (const end of run(2, [1, 1, 1], together(2))) expect(end).toBeCloseTo((10 * 5) / 2, 9);
});

test('a session gets faster as soon as another has ended, and slower as soon as one begins', () => {
  // Half a core each until 20, by when the short one is through; the long one has 20 of its 30 left then.
  expect(run(1, [], [{ atMs: 0, aloneMs: 10 }, { atMs: 0, aloneMs: 30 }])).toEqual([20, 40]);
  expect(run(1, [], [{ atMs: 0, aloneMs: 10 }, { atMs: 5, aloneMs: 10 }])).toEqual([15, 20]);
});

test('what is computed is what there was to compute, whoever comes when', () => {
  const session = fc.record({ atMs: fc.double({ min: 0, max: 100, noNaN: true }), aloneMs: fc.double({ min: 0.1, max: 50, noNaN: true }) });
  fc.assert(fc.property(fc.array(session, { minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 4 }), (sessions, cores) => {
    const ends = run(cores, [], sessions);
    sessions.forEach(({ atMs, aloneMs }, index) => expect(ends[index]! - atMs).toBeGreaterThanOrEqual(aloneMs - 1e-6));
    const all = sessions.reduce((sum, { aloneMs }) => sum + aloneMs, 0);
    const [first, last] = [Math.min(...sessions.map(({ atMs }) => atMs)), Math.max(...sessions.map(({ atMs }) => atMs))];
    expect(Math.max(...ends)).toBeLessThanOrEqual(last + all + 1e-6);
    expect(Math.max(...ends) - first).toBeGreaterThanOrEqual(all / cores - 1e-6);
  }));
});

test('who is abandoned is not heard of, and leaves the others its share', () => {
  const loop = new EventLoop();
  const cpu = new SharedCpu(loop, 1);
  const ended: string[] = [];
  const end = (name: string, _: undefined, now: number) => void ended.push(`${name} ${now}`);
  const gone = cpu.compute(10, 0, end, 'gone', undefined);
  cpu.compute(10, 0, end, 'stays', undefined);
  loop.at(10, (_first, _second, now) => cpu.abandon(gone, now), undefined, undefined);
  loop.run();
  expect(ended).toEqual(['stays 15']);
  expect(cpu.use(15)).toBeCloseTo(1, 9);
});

test('stages take their part of the cores by what they have needed lately, and are slowed down only beyond an equal share', () => {
  const loop = new EventLoop();
  const cpu = new SharedCpu(loop, 1);
  cpu.compute(1e6, 0, () => undefined, undefined, undefined);
  for (let now = 0; now < 2_000; now += 1) cpu.staged(0.3, now);
  expect(cpu.stageSlowdown(2_000)).toBe(1);
  for (let now = 2_000; now < 4_000; now += 1) cpu.staged(0.8, now);
  expect(cpu.stageSlowdown(4_000)).toBeCloseTo(0.8 / 0.5, 1);
});
