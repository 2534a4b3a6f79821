import { expect, test } from 'vitest';
import { threadKind, threadSecondsOf } from './thread-times.ts';

test('threads of a pool are of one kind', () => {
  const stat = (name: string) => `42 (${name}) S 7 42 42 0 -1`;
  expect(['inference-0', 'inference-11', 'ZMQbg/IO/0', 'a (b) c', 'tritonserver'].map((name) => threadKind(stat(name)))).toEqual(['inference', 'inference', 'ZMQbg/IO', 'a (b) c', 'tritonserver']);
});

test.runIf(process.platform === 'linux')('what this process computes is in one of its threads', () => {
  const total = () => [...threadSecondsOf([process.pid]).values()].reduce((sum, one) => sum + one, 0);
  const before = total();
  const end = process.cpuUsage().user + 200_000;
  while (process.cpuUsage().user < end);
  expect(total() - before).toBeGreaterThan(0.19);
});
