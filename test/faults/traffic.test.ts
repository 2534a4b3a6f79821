import { expect, test } from 'vitest';
import { requestSchema } from '@tandem/schemas';
import { createTraffic } from './traffic.ts';

const first = (seed: number, count: number) => {
  const traffic = createTraffic({ seed, run: 'a' });
  return Array.from({ length: count }, () => traffic.next());
};

test('the same seed gives the same requests, another seed others', () => {
  expect(first(1, 200)).toEqual(first(1, 200));
  expect(first(1, 200)).not.toEqual(first(2, 200));
});

test('every message is a request as the schema has it, with the id, user and workload that the checker expects', () => {
  for (const { value, sent, key } of first(3, 2_000)) {
    const request = requestSchema.parse(JSON.parse(value));
    expect(request).toMatchObject({ requestId: sent.requestId, userId: sent.userId, workload: sent.workload });
    expect(key).toBe(sent.userId);
  }
});

test('all tasks, workloads and lanes occur, deadlines long, short and none, and repeated and invalid requests', () => {
  const messages = first(5, 2_000);
  const requests = messages.map(({ value }) => requestSchema.parse(JSON.parse(value)));
  expect(new Set(requests.map(({ workload }) => workload))).toEqual(new Set(['recommend', 'ordered', 'digits', 'patient']));
  expect(new Set(requests.map(({ hints }) => hints?.task))).toEqual(new Set(['coarse', 'fine', 'full']));
  expect(new Set(messages.map(({ topic }) => topic))).toEqual(new Set(['requests', 'requests.bulk']));
  expect(new Set(messages.map(({ sent }) => sent.deadlineMs))).toEqual(new Set([30_000, 2_000, null]));
  expect(messages.some(({ repeatAfterMs }) => repeatAfterMs !== undefined)).toBe(true);
  expect(requests.some(({ input }) => input['limit'] === 0)).toBe(true);
});
