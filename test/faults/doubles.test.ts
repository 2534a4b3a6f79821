import { expect, test } from 'vitest';
import type { Violation } from './check-types.ts';
import { unexplainedDoubles } from './doubles.ts';
import type { InjectedFault } from './injector.ts';
import type { FaultKind, FaultTarget } from './schedule.ts';

const fault = (kind: FaultKind, target: FaultTarget): InjectedFault =>
  ({ kind, target, startedAt: 100_000, endedAt: 103_000, atMs: 0, durationMs: 0, choice: 0, victim: 'one' });
const double = (...answeredAt: number[]): Violation => ({ kind: 'doubled', requestId: 'r', cause: 'answered again', detail: '', answeredAt });
const none: readonly InjectedFault[] = [];

test('where no fusion process died no answer may be doubled', () => {
  const doubles = [double(100_500, 104_000)];
  expect(unexplainedDoubles(doubles, none)).toEqual(doubles);
  for (const harmless of [fault('kill', 'worker'), fault('pause', 'fusion'), fault('term', 'fusion'), fault('broker-kill', 'server')]) {
    expect(unexplainedDoubles(doubles, [harmless])).toEqual(doubles);
  }
});

test('where one died, what was answered about then may be, and nothing else', () => {
  const [about, before, after] = [double(100_500, 104_000), double(40_000, 41_000), double(200_000, 201_000)];
  for (const deadly of [fault('kill', 'fusion'), fault('cut', 'all'), fault('leader-pause', 'server')]) {
    expect(unexplainedDoubles([about, before, after], [deadly])).toEqual([before, after]);
  }
});

test('a chained fusion dies with its chain', () => {
  const chain = ['scheduler', 'fusion', 'worker'] as const;
  expect(unexplainedDoubles([double(100_500, 104_000)], [fault('kill', 'worker')], chain)).toEqual([]);
  expect(unexplainedDoubles([double(100_500, 104_000)], [fault('kill', 'worker')], ['classifier', 'scheduler'])).toHaveLength(1);
});

test('other violations are no doubles', () => {
  expect(unexplainedDoubles([{ ...double(1, 2), kind: 'lost' }], none)).toEqual([]);
});
