import { expect, test } from 'vitest';
import type { Lane, Request, Workload } from '@tandem/schemas';
import { z } from 'zod';
import type { Adapter } from '../adapters/types.ts';
import { resolveRequest } from './resolve.ts';

const workload: Workload = {
  name: 'w', description: '', adapter: 'a', deadlineMs: 1_000, accuracyFloor: 0, activeAbove: 0.8, activityTau: 20, order: 'none', freshness: 'off', plans: {}, options: {},
};
const adapter = { inputSchema: z.object({}) } as unknown as Adapter;

function deadlineOf(lane: Lane, hints: Request['hints'] = undefined): number | null {
  const request: Request = { requestId: 'r', workload: 'w', input: {}, ...(hints === undefined ? {} : { hints }) };
  return resolveRequest(request, new Map([['w', { workload, adapter, variants: [] }]]), { arrivedAt: 5_000, now: 5_010, lane }).deadlineAt;
}

test('the workload’s deadline counts from the broker’s append time', () => {
  expect(deadlineOf('interactive')).toBe(6_000);
  expect(deadlineOf('interactive', { deadlineMs: 50 })).toBe(5_050);
});

test('a bulk request has a deadline only where it says so: a backfill waits as long as it takes', () => {
  expect(deadlineOf('bulk')).toBe(null);
  expect(deadlineOf('bulk', { deadlineMs: 50 })).toBe(5_050);
});
