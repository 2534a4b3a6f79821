import { DEFAULT_TIER, type Hints, type Lane, type Mark, type Task, type Workload } from '@tandem/schemas';
import { activityOf } from './activity.ts';
import { choosePlan } from './choose-plan.ts';
import { chooseTask } from './choose-task.ts';
import type { KnownHistory } from './history.ts';
import { affinityKey } from './identity.ts';
import { needsHistory, type ResolvedRequest } from './resolve.ts';
import { applyRules } from './rules.ts';

export interface Circumstances {
  lane: Lane;
  /** `topic/partition/offset` of the request. */
  source: string;
  /** Of the request. */
  bytes: number;
  known: KnownHistory;
  /** The features may not be what they should be. */
  stale: boolean;
}

/**
 * Makes a request self-contained.
 * @throws {RecordError} what the adapter refuses: `unknown_item`, `invalid_input`
 */
export function buildTask(resolved: ResolvedRequest, { lane, source, bytes, known, stale }: Circumstances): Task {
  const { request, binding: { workload, adapter, variants }, input, arrivedAt, deadlineAt } = resolved;
  const { hints = {} } = request;
  const activity = hints.activity ?? activityOf(known.times, request.time ?? arrivedAt, workload.activityTau);
  const prepared = adapter.prepare(input, { history: known.history, options: workload.options, variants });
  const { hasCandidates, length } = prepared;
  const givenMs = deadlineAt === null ? null : deadlineAt - arrivedAt;
  const ruled = applyRules(workload, { at: arrivedAt, lane, tier: hints.tier ?? DEFAULT_TIER, givenMs, activity, bytes, length });
  const { task, plan } = choosePlan(workload, chooseTask(workload, { hint: hints.task, ruled: ruled.task, hasCandidates, activity }), hasCandidates);
  return {
    requestId: request.requestId,
    workload: workload.name,
    key: affinityKey(request),
    ...(request.userId === undefined ? {} : { userId: request.userId }),
    lane,
    task,
    tier: hints.tier ?? ruled.tier ?? DEFAULT_TIER,
    arrivedAt,
    deadlineAt,
    accuracyFloor: hints.accuracyFloor ?? ruled.accuracyFloor ?? workload.accuracyFloor,
    ...(ruled.precision === undefined ? {} : { precision: ruled.precision }),
    activity,
    input: prepared.features,
    ...(adapter.readsUser === true && needsHistory(resolved) ? { interactions: known.history?.total ?? 0 } : {}),
    plan,
    source,
    marks: marksOf(prepared.marks, stale),
    ...(lane === 'interactive' && wantsProvisional(workload, hints) ? { provisional: true as const } : {}),
  };
}

/** The workload's to allow, and the sender's to say. */
function wantsProvisional({ provisional = 'off' }: Workload, { provisional: asked }: Hints): boolean {
  return provisional === 'always' ? asked !== false : provisional === 'asked' && asked === true;
}

/** Of a user whose features could not be had in time nobody can say that nothing is known. */
function marksOf(prepared: readonly Mark[], stale: boolean): Mark[] {
  return stale ? [...prepared.filter((mark) => mark !== 'unknown_user' && mark !== 'features_stale'), 'features_stale'] : [...prepared];
}
