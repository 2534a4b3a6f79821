import { expect, test } from 'vitest';
import type { Heartbeat } from '@tandem/schemas';
import { sessionWatts, wattsByPlace } from './watts.ts';

const resources = { time: 0, cpuCores: 4, memoryBytes: 1, memoryFreeBytes: 1 };
const beat = (over: Partial<Heartbeat['resources']>): Heartbeat => ({
  kind: 'worker', instance: 'a', time: 0, sessions: 2, resources: { ...resources, ...over },
  variants: [{ model: 'm', precision: 'int8', version: '1', queued: 0, running: 0, completed: 0, failed: 0, meanBatchSize: 1, meanBatchMs: 1 }],
});

test('a session takes a busy core’s part of what the processors take, or its part of the accelerator’s', () => {
  expect(sessionWatts(beat({ powerWatts: 60, cpuUse: 0.75 }))).toBe(20);
  expect(sessionWatts(beat({ powerWatts: 60, cpuUse: 0.01 }))).toBe(60);
  expect(sessionWatts(beat({ accelerator: { name: 'gpu', memoryBytes: 1, memoryFreeBytes: 1, powerWatts: 300 } }))).toBe(150);
});

test('what is not measured stays unknown', () => {
  expect(sessionWatts(beat({ cpuUse: 0.5 }))).toBeUndefined();
  expect(sessionWatts(beat({ powerWatts: 60 }))).toBeUndefined();
  expect(sessionWatts(beat({ powerWatts: 60, cpuUse: 1, accelerator: { name: 'gpu', memoryBytes: 1, memoryFreeBytes: 1 } }))).toBeUndefined();
  expect(wattsByPlace([beat({ powerWatts: 60, cpuUse: 0.75 }), beat({})]).get('m.int8')).toBeUndefined();
  expect(wattsByPlace([beat({ powerWatts: 60, cpuUse: 0.75 }), beat({ powerWatts: 30, cpuUse: 0.75 })]).get('m.int8')).toBe(15);
});
