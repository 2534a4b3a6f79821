import { DEAD_LETTER_HEADER, HEADER, STAGE_NAMES, topicName, type Task } from '@tandem/schemas';
import { jsonOf } from '../core/index.ts';
import { partitionOfKey, type EventLog, type LogRecord } from '../log/index.ts';
import { Search, type SearchOptions } from './search.ts';
import type { PathRecord, RecordKind } from './types.ts';

/** Records that belong to an answer and come after it: late outcomes, a dead letter. */
const AFTER_MS = 5_000;
/** Append times of one request's records are those of several brokers. */
const BEFORE_MS = 1_000;

interface Place {
  topic: string;
  partition: number;
  offset: number;
}

interface Clue {
  /** The affinity key, where it is known. */
  key: string | undefined;
  /** Of the request. */
  source: Place | undefined;
  /** Before anything of the request was written, epoch ms. */
  from: number;
}

/**
 * Everything in the log that is of a request: one record is searched, the others follow from its key and time.
 * Empty: there is none in that time.
 * @throws what the log throws
 */
export async function collectPath(options: SearchOptions): Promise<PathRecord[]> {
  const search = new Search(options);
  const found = await search.first();
  if (found === undefined) return [];
  const collector = new Collector(options, search);
  return collector.collect(clueOf(found, options));
}

class Collector {
  readonly #options: SearchOptions;
  readonly #search: Search;
  readonly #path = new Map<string, PathRecord>();
  #partitions = new Map<string, number>();

  constructor(options: SearchOptions, search: Search) {
    this.#options = options;
    this.#search = search;
  }

  async collect(clue: Clue): Promise<PathRecord[]> {
    const { log } = this.#options;
    const topics = new Set(await log.admin.listTopics());
    const source = await this.#request(clue.source);
    const from = Math.min(clue.from, source?.timestamp ?? Infinity) - BEFORE_MS;
    const key = clue.key ?? (source === undefined ? undefined : affinityKeyOf(source));
    // The final response first: it says how far the others need to be read.
    await this.#byKey(['responses', 'tasks', 'outcomes'], ['response', 'task', 'outcome'], key, from, topics);
    await this.#work(key, from, topics);
    await this.#retries(key, clue.source, from, topics);
    await this.#deadLetters(from, topics);
    return [...this.#path.values()].sort((a, b) => a.record.timestamp - b.record.timestamp || ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  }

  async #request(place: Place | undefined): Promise<LogRecord | undefined> {
    if (place === undefined) return undefined;
    const { log, signal } = this.#options;
    const range = { topic: place.topic, partition: place.partition, from: { offset: place.offset }, to: place.offset + 1, ...(signal === undefined ? {} : { signal }) };
    for await (const records of log.read(range)) {
      const record = records.find(({ offset }) => offset === place.offset);
      if (record !== undefined) this.#add('request', record);
      if (record !== undefined) return record;
    }
    return undefined;
  }

  async #byKey(kinds: readonly ('tasks' | 'outcomes' | 'responses')[], names: readonly RecordKind[], key: string | undefined, from: number, topics: ReadonlySet<string>): Promise<void> {
    for (const [index, kind] of kinds.entries()) {
      const topic = topicName(this.#options.prefix, kind);
      if (topics.has(topic)) await this.#range(topic, await this.#partitionsOf(topic, key), from, names[index] ?? 'task');
    }
  }

  /** Work topics of the models in the plan, under the same key. */
  async #work(key: string | undefined, from: number, topics: ReadonlySet<string>): Promise<void> {
    const models = new Set([...this.#path.values()].flatMap(({ value }) => modelsIn(value)));
    const beginnings = [...models].flatMap((model) => [`${this.#options.prefix}work.${model}.`, `${this.#options.prefix}bulk.${model}.`]);
    for (const topic of topics) {
      if (beginnings.some((beginning) => topic.startsWith(beginning))) await this.#range(topic, await this.#partitionsOf(topic, key), from, 'work');
    }
  }

  async #retries(key: string | undefined, source: Place | undefined, from: number, topics: ReadonlySet<string>): Promise<void> {
    for (const stage of STAGE_NAMES) {
      const topic = topicName(this.#options.prefix, `retry.${stage}`);
      const partitions = stage === 'classifier' && source !== undefined ? [source.partition] : await this.#partitionsOf(topic, key);
      if (topics.has(topic)) await this.#range(topic, partitions, from, 'retry');
    }
  }

  /** A dead letter's key is the place of its record, which has been found before. */
  async #deadLetters(from: number, topics: ReadonlySet<string>): Promise<void> {
    const topic = topicName(this.#options.prefix, 'dead-letters');
    if (!topics.has(topic)) return;
    const places = new Set([...this.#path.values()].map(({ record }) => placeOf(record)));
    for (const { partition } of await this.#options.log.admin.offsets(topic)) {
      await this.#read(topic, partition, from, Infinity, (record) => {
        if (places.has(record.key ?? '') || this.#search.isOf(record)) this.#add('dead-letter', record);
      });
    }
  }

  async #range(topic: string, partitions: readonly number[], from: number, kind: RecordKind): Promise<void> {
    for (const partition of partitions) {
      await this.#read(topic, partition, from, this.#until(), (record) => {
        if (this.#search.isOf(record)) this.#add(kind, record);
      });
    }
  }

  /** Nothing more is expected a while after the final response. */
  #until(): number {
    const final = [...this.#path.values()].filter(({ kind, value }) => kind === 'response' && (value as { final?: unknown } | undefined)?.final === true);
    return final.length === 0 ? Infinity : Math.max(...final.map(({ record }) => record.timestamp)) + AFTER_MS;
  }

  async #read(topic: string, partition: number, from: number, until: number, take: (record: LogRecord) => void): Promise<void> {
    const { log, signal } = this.#options;
    for await (const records of log.read({ topic, partition, from: { timestamp: from }, ...(signal === undefined ? {} : { signal }) })) {
      for (const record of records) take(record);
      if ((records.at(-1)?.timestamp ?? 0) > until) return;
    }
  }

  async #partitionsOf(topic: string, key: string | undefined): Promise<number[]> {
    const count = this.#partitions.get(topic) ?? (await countOf(this.#options.log, topic));
    this.#partitions.set(topic, count);
    return key === undefined ? Array.from({ length: count }, (_, partition) => partition) : count === 0 ? [] : [partitionOfKey(key, count)];
  }

  #add(kind: RecordKind, record: LogRecord): void {
    const value = jsonOf(record.value);
    const isCancel = (value as { cancel?: unknown } | null | undefined)?.cancel === true;
    this.#path.set(placeOf(record), { kind: isCancel && kind !== 'dead-letter' ? 'cancellation' : kind, record, value });
  }
}

/** As a request goes through the flow; for records with the same time. */
const ORDER: readonly RecordKind[] = ['request', 'cancellation', 'task', 'work', 'outcome', 'retry', 'response', 'dead-letter'];

async function countOf(log: EventLog, topic: string): Promise<number> {
  return (await log.admin.offsets(topic).catch(() => [])).length;
}

function placeOf({ topic, partition, offset }: Place): string {
  return `${topic}/${partition}/${offset}`;
}

function placeFrom(text: string | undefined): Place | undefined {
  const [, topic, partition, offset] = /^(.+)\/(\d+)\/(\d+)$/.exec(text ?? '') ?? [];
  return topic === undefined ? undefined : { topic, partition: Number(partition), offset: Number(offset) };
}

/** The sender's words decide the affinity key: its user, else its key, else the request itself. */
function affinityKeyOf({ value }: LogRecord): string | undefined {
  const { userId, key, requestId } = (jsonOf(value) ?? {}) as { userId?: unknown; key?: unknown; requestId?: unknown };
  return [userId, key, requestId].find((each): each is string => typeof each === 'string');
}

/** The request itself knows its key better than whoever asks for it. */
function clueOf(record: LogRecord, { prefix, key }: SearchOptions): Clue {
  const { topic, headers, timestamp } = record;
  const from = timestamp;
  if (topic === topicName(prefix, 'dead-letters')) {
    const source = placeFrom(`${headers[DEAD_LETTER_HEADER.sourceTopic] ?? ''}/${headers[DEAD_LETTER_HEADER.sourcePartition] ?? ''}/${headers[DEAD_LETTER_HEADER.sourceOffset] ?? ''}`);
    const isRequest = source?.topic === topicName(prefix, 'requests') || source?.topic === topicName(prefix, 'requests.bulk');
    return { key: affinityKeyOf(record) ?? key, source: isRequest ? source : undefined, from };
  }
  if (topic === topicName(prefix, 'requests') || topic === topicName(prefix, 'requests.bulk')) return { key: affinityKeyOf(record) ?? key, source: record, from };
  const value = jsonOf(record.value) as Partial<Task & { latencyMs: number; time: number }> | undefined;
  const arrivedAt = value?.arrivedAt ?? (value?.time === undefined ? timestamp : value.time - (value.latencyMs ?? 0));
  return { key: record.key ?? undefined, source: placeFrom(headers[HEADER.source] ?? value?.source), from: Math.min(from, arrivedAt) };
}

/** Models that a task, an outcome or a response names. */
function modelsIn(value: unknown): string[] {
  const { plan, task, steps } = (value ?? {}) as { plan?: Task['plan']; task?: Partial<Task>; steps?: { model?: string }[] };
  const planned = [...(plan?.steps ?? []), ...(task?.plan?.steps ?? [])];
  return [...planned, ...(Array.isArray(steps) ? steps : [])].flatMap(({ model }) => (model === undefined || model === '' ? [] : [model]));
}
