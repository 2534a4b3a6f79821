import type { Plan, StepEnd, Work } from '@tandem/schemas';
import { expect, it } from 'vitest';
import { Interned } from './interned.ts';
import { sameContent } from './same-content.ts';
import { stepContent, type StepContent } from './step-content.ts';
import { structuralHash } from './structural-hash.ts';

const RESULT = { items: [1, 2], scores: [0.5, 0.25] };
const run = { model: 'small', precision: 'fp32', version: '1', batchSize: 3, queueMs: 1, computeMs: 1, reason: 'why' };
const completed = (result = RESULT, over = {}): StepEnd => ({ kind: 'completed', run: { ...run, ...over }, result });

function work(over: { step?: string; task?: object; previous?: Record<string, StepEnd>; reason?: string } = {}): Work {
  const step = (id: string, after: string[] = []) => ({ id, role: 'fine' as const, model: 'm', after, required: false });
  const plan: Plan = { id: 'full', strategy: 'rerank', steps: [step('coarse'), step('fine', ['coarse']), step('other')] };
  return {
    step: over.step ?? 'fine', model: 'm', precision: 'fp32', reason: over.reason ?? 'why', dispatchedAt: 1, previous: over.previous ?? { coarse: completed() },
    task: {
      requestId: 'r1', workload: 'w', key: 'ann', userId: 'ann', lane: 'interactive', task: 'full', tier: 'standard', arrivedAt: 1, deadlineAt: 5,
      accuracyFloor: 0, activity: 0.5, input: { history: [1, 2, 3], limit: 10 }, plan, source: 't/0/1', marks: [], ...over.task,
    },
  };
}

const plans = new Interned<Plan>();
const contentOf = (of: Work, { variant = 'v', readsUser = false, tenant = undefined as string | undefined } = {}) =>
  stepContent(of, { variant: { fingerprint: variant, number: variant.length }, adapter: { readsUser }, plans, tenant });

/** In content and in what is hashed alike. */
function same(one: StepContent | undefined, other: StepContent | undefined): boolean {
  const areSame = sameContent(one!.content, other!.content);
  expect(structuralHash(one!.essence) === structuralHash(other!.essence)).toBe(areSame);
  return areSame;
}

it.each([
  ['request, time, tier, lane, reason', work({ task: { requestId: 'r2', userId: 'bob', key: 'bob', arrivedAt: 9, deadlineAt: null, lane: 'bulk', source: 't/1/7', activity: 1 }, reason: 'other' })],
  ['how the step before was run', work({ previous: { coarse: completed(RESULT, { precision: 'int8', batchSize: 9, computeMs: 7 }) } })],
  ['a step that this one does not come after', work({ previous: { coarse: completed(), other: completed({ items: [9], scores: [1] }) } })],
])('%s make no difference to a step’s content', (_, other) => {
  expect(same(contentOf(work()), contentOf(other))).toBe(true);
});

it.each([
  ['one more interaction', work({ task: { input: { history: [1, 2, 3, 4], limit: 10 } } })],
  ['how many items are asked for', work({ task: { input: { history: [1, 2, 3], limit: 5 } } })],
  ['another step', work({ step: 'other' })],
  ['another workload', work({ task: { workload: 'w2' } })],
  ['another strategy', work({ task: { plan: { ...work().task.plan, strategy: 'average' } } })],
  ['other candidates', work({ previous: { coarse: completed({ items: [1, 3], scores: [0.5, 0.25] }) } })],
  ['other scores of candidates', work({ previous: { coarse: completed({ items: [1, 2], scores: [0.5, 0.3] }) } })],
  ['a step before that has no result', work({ previous: { coarse: { kind: 'skipped', reason: 'confident' } } })],
  ['nothing known of the step before', work({ previous: {} })],
])('%s makes another content', (_, other) => {
  expect(same(contentOf(work()), contentOf(other))).toBe(false);
});

it('another variant makes another content, and so does another tenant', () => {
  expect(same(contentOf(work()), contentOf(work(), { variant: 'v2' }))).toBe(false);
  expect(same(contentOf(work(), { tenant: 'a' }), contentOf(work(), { tenant: 'b' }))).toBe(false);
});

it('where the adapter reads the user, each user and each new interaction of his makes another content', () => {
  const of = (task: object) => contentOf(work({ task }), { readsUser: true });
  const known = of({ userId: 'ann', interactions: 3 });
  expect(same(known, of({ userId: 'ann', interactions: 3 }))).toBe(true);
  expect(same(known, of({ userId: 'ann', interactions: 4 }))).toBe(false);
  expect(same(known, of({ userId: 'bob', interactions: 3 }))).toBe(false);
});

it.each([
  ['nobody knows how many interactions there are', { interactions: undefined }],
  ['they may not be the newest', { interactions: 3, marks: ['features_stale'] }],
  ['there is no user', { userId: undefined, interactions: 3 }],
])('where the adapter reads the user and %s, there is none', (_, task) => {
  expect(contentOf(work({ task }), { readsUser: true })).toBeUndefined();
});
