import { expect, test } from 'vitest';
import { SharedCpu } from './shared-cpu.ts';

/** With so many sessions running. */
function machine(cores: number, background: readonly number[], running: number): SharedCpu {
  const cpu = new SharedCpu(cores, background);
  for (let index = 0; index < running; index += 1) cpu.began();
  return cpu;
}

test('with cores for all nobody is slowed down', () => {
  expect(machine(2, [0.4, 0.5], 1).slowdown(0)).toBe(1);
});

test('who needs little has it, and sessions share what is left', () => {
  expect(machine(2, [0.3, 0.2, 0.1], 2).slowdown(0)).toBeCloseTo(2 / 1.4, 9);
});

test('nobody gets more than an equal share: others that would take it all leave sessions theirs', () => {
  expect(machine(2, [5, 0.2], 2).slowdown(0)).toBeCloseTo(3 / 1.8, 9);
  expect(machine(2, [1, 1, 1], 2).slowdown(0)).toBeCloseTo(5 / 2, 9);
});

test('stages take their part of the cores by what they have needed lately, and are slowed down only beyond an equal share', () => {
  const cpu = machine(1, [], 1);
  for (let now = 0; now < 2_000; now += 1) cpu.staged(0.3, now);
  expect(cpu.stageSlowdown(2_000)).toBe(1);
  expect(cpu.slowdown(2_000)).toBeCloseTo(1 / 0.7, 1);
  for (let now = 2_000; now < 4_000; now += 1) cpu.staged(0.8, now);
  expect(cpu.stageSlowdown(4_000)).toBeCloseTo(0.8 / 0.5, 1);
  expect(cpu.slowdown(4_000)).toBeCloseTo(2, 1);
});
