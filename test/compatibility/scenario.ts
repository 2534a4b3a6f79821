import { join } from 'node:path';
import { topicName } from '@tandem/schemas';
import type { EventLog, LogRecord, OutgoingRecord } from '@tandem/shared/log';

/** Settings under which both versions run: what is decided and computed must not depend on the load. */
export const FLAGS = {
  workloads: join(import.meta.dirname, '../faults/workloads'), partitions: '1', policy: 'fixed', precision: 'fp32', threads: '1', httpPort: '0',
  variants: 'recommend-small.fp32,recommend-large.fp32,digits-small.fp32,digits-large.fp32',
} as const;

const HISTORY = ['1', '2', '3', '5', '8'];
const PIXELS = Array.from({ length: 64 }, (_, index) => (index * 7) % 17);
/** Longer than any test: only an expiry that is wrong ends anything. */
const PATIENT = { deadlineMs: 3_600_000 };

const recommend = (requestId: string, task: string, more: object = {}) =>
  ({ requestId, workload: 'recommend', userId: `user-${requestId}`, input: { history: HISTORY, limit: 3 }, hints: { task, ...PATIENT }, ...more });

/** Each is answered. */
export const REQUESTS = [
  recommend('coarse', 'coarse'), recommend('fine', 'fine'), recommend('full', 'full'),
  recommend('by-key', 'fine', { userId: undefined, key: 'some-key' }),
  recommend('candidates', 'fine', { input: { history: HISTORY, limit: 2, candidates: ['10', '11', '12', '13'] } }),
  recommend('provisional', 'full', { hints: { task: 'full', provisional: true, ...PATIENT } }),
  recommend('stranger', 'coarse', { input: { limit: 3 } }),
  { requestId: 'no-deadline', workload: 'patient', userId: 'user-no-deadline', input: { history: HISTORY, limit: 3 }, hints: { task: 'full' } },
  { requestId: 'ordered-1', workload: 'ordered', userId: 'user-ordered', input: { history: HISTORY, limit: 3 }, hints: { task: 'full', ...PATIENT } },
  { requestId: 'ordered-2', workload: 'ordered', userId: 'user-ordered', input: { history: HISTORY, limit: 3 }, hints: { task: 'coarse', ...PATIENT } },
  { requestId: 'digits', workload: 'digits', key: 'digits', input: { values: PIXELS }, hints: PATIENT },
  { requestId: 'invalid', workload: 'recommend', userId: 'user-invalid', input: { history: 7 } },
  { requestId: 'unknown-workload', workload: 'nothing', userId: 'user-nothing', input: {} },
];
export const BULK = [recommend('bulk', 'full', { hints: { task: 'full' } })];
const CANCEL = { cancel: true, requestId: 'never-asked', workload: 'recommend', userId: 'user-cancels' };

/** What goes in, as producers write it. */
export function scenario(prefix: string): OutgoingRecord[] {
  const into = (kind: 'requests' | 'requests.bulk' | 'interactions', value: object | string): OutgoingRecord =>
    ({ topic: topicName(prefix, kind), key: 'one', value: typeof value === 'string' ? value : JSON.stringify(value), headers: { 'tandem-tenant': 'tenant' } });
  return [
    into('interactions', { userId: 'user-reader', itemId: '1' }), into('requests', 'not json'), into('requests', CANCEL),
    ...REQUESTS.map((request) => into('requests', request)), ...BULK.map((request) => into('requests.bulk', request)),
  ];
}

/** A record as it lies on a topic, to be kept in a file. */
export interface KeptRecord {
  /** Without the prefix. */
  topic: string;
  timestamp: number;
  key: string | null;
  value: string | null;
  headers: Record<string, string>;
}

/** All that lies on the topics of the prefix. */
export async function recordsOf(log: EventLog, prefix: string): Promise<KeptRecord[]> {
  const kept: KeptRecord[] = [];
  const topics = (await log.admin.listTopics()).filter((topic) => topic.startsWith(prefix));
  for (const topic of topics.toSorted()) {
    for (const { partition } of await log.admin.offsets(topic)) {
      for await (const records of log.read({ topic, partition })) kept.push(...records.map((record) => keep(record, prefix)));
    }
  }
  return kept;
}

function keep({ topic, timestamp, key, value, headers }: LogRecord, prefix: string): KeptRecord {
  return { topic: topic.slice(prefix.length), timestamp, key, value: value === null ? null : value.toString('utf8'), headers: { ...headers } };
}
