import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { EventLog } from '@tandem/shared/log';

const TRIALS = 5;
const PARTITIONS = 2;
const EVERY_MS = 2;
const STEADY_MS = 300;
/** After a member has left: it is heard of with the next heartbeat, and then all join again. */
const SETTLED_MS = 1_500;

/**
 * How long a group's members get nothing while its partitions are given out anew, ms, by trial: a group of two on a topic that is written to all the time, of which one
 * leaves. The longest gap between two records that the other gets of its own partition, beside how far they are apart anyway.
 */
export async function rebalanceTimes(log: EventLog): Promise<number[]> {
  const topic = `rebalance-${randomUUID().slice(0, 8)}`;
  await log.admin.ensureTopics([{ name: topic, producer: 'bench', consumer: 'bench', schema: 'none', key: 'none', partitions: PARTITIONS, cleanup: 'delete', retentionMs: 600_000, maxRecordBytes: 1_000, timestamps: 'append' }]);
  const producer = await log.producer();
  const ending = new AbortController();
  const written = writeUntil(producer, topic, ending.signal);
  const times: number[] = [];
  try {
    for (let trial = 0; trial < TRIALS; trial += 1) times.push(await trialOf(log, topic, `rebalance-${randomUUID()}`));
  } finally {
    ending.abort();
    await written;
    await producer.close();
    await log.admin.deleteTopics([topic]);
  }
  return times;
}

async function writeUntil(producer: Awaited<ReturnType<EventLog['producer']>>, topic: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await producer.send(Array.from({ length: PARTITIONS }, (_, partition) => ({ topic, partition, key: null, value: 'x' })));
    await delay(EVERY_MS);
  }
}

async function trialOf(log: EventLog, topic: string, groupId: string): Promise<number> {
  const heard: { at: number; partition: number }[] = [];
  const stays = log.consumer({ groupId, topics: [topic], startFrom: 'latest', onRecord: (delivery) => {
    heard.push({ at: performance.now(), partition: delivery.record.partition });
    delivery.ack();
  } });
  const leaves = log.consumer({ groupId, topics: [topic], startFrom: 'latest', onRecord: (delivery) => delivery.ack() });
  try {
    await Promise.all([stays.start(), leaves.start()]);
    await until(() => stays.assignment.length === 1 && leaves.assignment.length === 1);
    const [own] = stays.assignment;
    await delay(STEADY_MS);
    const before = gapsOf(heard, own!.partition, performance.now() - STEADY_MS / 2);
    const leftAt = performance.now();
    await leaves.close();
    await until(() => stays.assignment.length === PARTITIONS);
    await delay(SETTLED_MS);
    return Math.max(0, Math.max(...gapsOf(heard, own!.partition, leftAt)) - Math.max(0, ...before));
  } finally {
    await Promise.all([stays.close(), leaves.close()]);
  }
}

function gapsOf(heard: readonly { at: number; partition: number }[], partition: number, sinceMs: number): number[] {
  const own = heard.filter((one) => one.partition === partition && one.at >= sinceMs);
  return own.flatMap(({ at }, index) => (index === 0 ? [] : [at - own[index - 1]!.at]));
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(EVERY_MS);
}
