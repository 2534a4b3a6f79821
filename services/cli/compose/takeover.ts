import { setTimeout as delay } from 'node:timers/promises';
import { STAGE_NAMES, type StageName } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import { TandemError } from '@tandem/shared/errors';
import type { LogAdmin } from '@tandem/shared/log';
import { chainGroup, stagesOfGroup, type Stage } from '@tandem/shared/runner';
import type { Ports } from './ports.ts';

const STAGES: ReadonlySet<string> = new Set(STAGE_NAMES);
const POLL_MS = 500;

/** A group of the same deployment that reads for some of the same stages, chained otherwise. */
interface OtherGroup {
  groupId: string;
  names: readonly string[];
  members: number;
}

/**
 * Lets stages that are chained otherwise than before go on where the others stopped: each way of chaining has consumer groups
 * of its own. Call it before the unit starts.
 * @param stage the unit: a stage, or a chain
 * @throws {TandemError} `layout_conflict`: stages that are chained otherwise are running; both would answer
 */
export async function takeOver(names: readonly StageName[], stage: Stage, { prefix, sessionTimeoutMs }: Settings, { log, logger }: Ports): Promise<void> {
  const own = chainGroup(names);
  const { admin } = log;
  if (!log.durable || !stage.inputs.some(({ group }) => group === own)) return;
  const others = await othersAtRest(admin, prefix, names, sessionTimeoutMs);
  if (others.length === 0 || (await members(admin, prefix + own)) > 0) return;
  for (const topic of stage.inputs.filter(({ group }) => group === own).flatMap(({ topics }) => topics)) {
    const offsets = await further(admin, prefix + own, topic, others);
    if (offsets.length === 0) continue;
    logger.info({ topic, offsets, from: others.map(({ groupId }) => groupId) }, 'going on where stages that were chained otherwise have stopped');
    await admin.setCommitted(prefix + own, topic, offsets);
  }
}

/** Waits for the sessions of processes that have just ended. */
async function othersAtRest(admin: LogAdmin, prefix: string, names: readonly StageName[], sessionTimeoutMs: number): Promise<OtherGroup[]> {
  for (const until = Date.now() + 1.5 * sessionTimeoutMs; ; await delay(POLL_MS)) {
    const others = await otherGroups(admin, prefix, names);
    const running = others.filter((group) => group.members > 0);
    if (running.length === 0) return others;
    if (Date.now() < until) continue;
    const list = running.map((group) => `${group.groupId} (${group.members})`).join(', ');
    throw new TandemError(`stages that are chained otherwise are running, and both would answer: ${list}. Stop those first`, { code: 'layout_conflict' });
  }
}

async function otherGroups(admin: LogAdmin, prefix: string, names: readonly StageName[]): Promise<OtherGroup[]> {
  const own = chainGroup(names);
  const groups = (await admin.groups(prefix)).map(({ groupId, members }) => ({ groupId, members, names: stagesOfGroup(groupId.slice(prefix.length)) }));
  return groups.filter((group) => group.names.every((name) => STAGES.has(name)) && group.names.some((name) => names.includes(name as StageName)) && group.groupId !== prefix + own);
}

async function members(admin: LogAdmin, groupId: string): Promise<number> {
  return (await admin.groups(groupId)).find((group) => group.groupId === groupId)?.members ?? 0;
}

/**
 * Offsets at which others have stopped, where that is further than the group's own. Of stages that read a topic side by side
 * the least counts, since what only one of them has done is not done; of ways of chaining the furthest, since it was the last.
 */
async function further(admin: LogAdmin, own: string, topic: string, others: readonly OtherGroup[]): Promise<{ partition: number; offset: number }[]> {
  const ways = [...Map.groupBy(others, ({ names, groupId }) => (names.length === 1 ? 'each alone' : groupId)).values()];
  const mine = new Map((await admin.committed(own, topic)).map(({ partition, offset }) => [partition, offset]));
  const furthest = new Map(mine);
  for (const way of ways) {
    for (const [partition, offset] of await least(admin, topic, way)) furthest.set(partition, Math.max(offset, furthest.get(partition) ?? -1));
  }
  return [...furthest].filter(([partition, offset]) => offset > (mine.get(partition) ?? -1)).map(([partition, offset]) => ({ partition, offset }));
}

async function least(admin: LogAdmin, topic: string, groups: readonly OtherGroup[]): Promise<Map<number, number>> {
  const offsets = new Map<number, number>();
  for (const { groupId } of groups) {
    for (const { partition, offset } of await admin.committed(groupId, topic)) {
      if (offset >= 0) offsets.set(partition, Math.min(offset, offsets.get(partition) ?? Infinity));
    }
  }
  return offsets;
}
