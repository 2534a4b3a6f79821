import { topicName } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import { TandemError } from '@tandem/shared/errors';
import type { LogAdmin } from '@tandem/shared/log';
import type { Ports } from './ports.ts';
import { topicsOf } from './topology.ts';

export interface GrowOptions {
  /** Lets records that are on their way lose their order, be answered degraded, or be answered twice. */
  force: boolean;
  onGrown: (topic: string) => void;
}

/** Topics whose records lie where their writer found their key, and are joined by that: none may be on its way. */
function isJoined(topic: string, prefix: string): boolean {
  return !['requests', 'requests.bulk', 'interactions', 'responses', 'dead-letters'].some((kind) => topic === topicName(prefix, kind as 'requests'));
}

async function requireStopped(admin: LogAdmin, prefix: string): Promise<string[]> {
  const groups = await admin.groups(prefix);
  const running = groups.filter(({ members }) => members > 0);
  if (running.length === 0) return groups.map(({ groupId }) => groupId);
  const list = running.map(({ groupId, members }) => `${groupId} (${members})`).join(', ');
  throw new TandemError(`stages are running: ${list}. Stop them all, then call this again; senders may go on`, { code: 'stages_running' });
}

/** Records of the topic that some group that reads it has not done. */
async function undone(admin: LogAdmin, topic: string, groupIds: readonly string[]): Promise<number> {
  const ends = await admin.offsets(topic);
  let most = 0;
  for (const groupId of groupIds) {
    const committed = new Map((await admin.committed(groupId, topic)).map(({ partition, offset }) => [partition, offset]));
    if (![...committed.values()].some((offset) => offset >= 0)) continue;
    const lag = ends.reduce((sum, { partition, earliest, latest }) => sum + Math.max(0, latest - Math.max(earliest, committed.get(partition) ?? 0)), 0);
    most = Math.max(most, lag);
  }
  return most;
}

async function requireDrained(admin: LogAdmin, topics: readonly string[], groupIds: readonly string[]): Promise<void> {
  const left: string[] = [];
  for (const topic of topics) {
    const records = await undone(admin, topic, groupIds);
    if (records > 0) left.push(`${topic} (${records})`);
  }
  if (left.length === 0) return;
  const message = `records are on their way: ${left.join(', ')}. Start the stages without the classifier, wait until their lag is 0 (tandem_lag_records), stop them, and call this again; or --force`;
  throw new TandemError(message, { code: 'flow_not_drained' });
}

/**
 * Grows all topics of the flow to `settings.partitions`. Most keys then lie on other partitions, where what was on its way
 * would not be joined and what is answered would not be known; so nothing may be on its way.
 * @returns the topics that have been grown
 * @throws {TandemError} `stages_running`, `flow_not_drained`, `fewer_partitions`
 */
export async function growTopics(settings: Settings, ports: Ports, { force, onGrown }: GrowOptions): Promise<string[]> {
  const { admin } = ports.log;
  const existing = new Set(await admin.listTopics());
  const topics = topicsOf(settings, ports).filter(({ name, partitions }) => existing.has(name) && partitions === settings.partitions);
  const groupIds = await requireStopped(admin, settings.prefix);
  const names = topics.map(({ name }) => name);
  if (!force) await requireDrained(admin, names.filter((name) => isJoined(name, settings.prefix)), groupIds);
  const grown: string[] = [];
  for (const name of names) {
    const { length } = await admin.offsets(name);
    if (length > settings.partitions) throw new TandemError(`${name} has ${length} partitions; Kafka cannot take any away`, { code: 'fewer_partitions' });
    if (length === settings.partitions) continue;
    await admin.addPartitions(name, settings.partitions);
    grown.push(name);
    onGrown(name);
  }
  return grown;
}
