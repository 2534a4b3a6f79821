import { HEADER, topicName } from '@tandem/schemas';
import { jsonOf } from '../core/index.ts';
import { partitionOfKey, type EventLog, type LogRecord } from '../log/index.ts';

/** Whose records are looked for, and where. */
export interface SearchOptions {
  log: EventLog;
  prefix: string;
  requestId: string;
  /** The affinity key: its user, else the key that it named. Then one partition is read. */
  key?: string | undefined;
  /** Records appended before it are not looked at, epoch ms. */
  since: number;
  /** Epoch ms. */
  now: number;
  signal?: AbortSignal | undefined;
  /** Records read so far, and how far back the search is, epoch ms. */
  onProgress?: ((read: number, backTo: number) => void) | undefined;
}

/** Whoever asks mostly asks about what has just been: the search goes back in time by growing windows, ms. */
const WINDOWS_MS = [60_000, 600_000, 3_600_000, 21_600_000];

/** Looks for records of the request on topics, newest window first. */
export class Search {
  readonly #options: SearchOptions;
  readonly #needle: Buffer;
  #read = 0;

  constructor(options: SearchOptions) {
    this.#options = options;
    this.#needle = Buffer.from(JSON.stringify(options.requestId));
  }

  /** The newest record that is of the request; undefined: there is none since then. */
  async first(): Promise<LogRecord | undefined> {
    const { log, now, since } = this.#options;
    const existing = new Set(await log.admin.listTopics());
    const topics = this.#topics().filter((topic) => existing.has(topic));
    const upper = new Map<string, number>();
    for (const backTo of backTos(now, since)) {
      for (const topic of topics) {
        const found = await this.#window(topic, backTo, upper);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  /** Responses first: their headers name the request, and everything else follows from one. */
  #topics(): string[] {
    return (['responses', 'tasks', 'requests', 'requests.bulk', 'dead-letters'] as const).map((kind) => topicName(this.#options.prefix, kind));
  }

  /** Between a time and where the window before it began; remembers where this one begins. */
  async #window(topic: string, backTo: number, upper: Map<string, number>): Promise<LogRecord | undefined> {
    const { log, signal, onProgress } = this.#options;
    const ends = await log.admin.offsets(topic);
    const only = this.#partition(topic, ends.length);
    let newest: LogRecord | undefined;
    for (const { partition, latest } of ends.filter((end) => only === undefined || end.partition === only)) {
      const place = `${topic}/${partition}`;
      const to = upper.get(place) ?? latest;
      let begin = to;
      for await (const records of log.read({ topic, partition, from: { timestamp: backTo }, to, ...(signal === undefined ? {} : { signal }) })) {
        begin = Math.min(begin, records[0]?.offset ?? begin);
        newest = records.findLast((record) => this.isOf(record)) ?? newest;
        onProgress?.((this.#read += records.length), backTo);
      }
      upper.set(place, begin);
    }
    return newest;
  }

  /** Requests may have any key, and dead letters have their own. */
  #partition(topic: string, partitions: number): number | undefined {
    const { key, prefix } = this.#options;
    const isByAffinity = topic === topicName(prefix, 'responses') || topic === topicName(prefix, 'tasks');
    return key === undefined || !isByAffinity ? undefined : partitionOfKey(key, partitions);
  }

  /** Told from the header where there is one; else from the bytes, and then from the parsed value. */
  isOf(record: LogRecord): boolean {
    const { requestId } = this.#options;
    const named = record.headers[HEADER.requestId];
    if (named !== undefined) return named === requestId;
    if (record.value === null || !this.#maybe(record.value)) return false;
    return requestIdOf(record.value) === requestId;
  }

  /** Senders may escape what needs no escape: then only parsing tells. */
  #maybe(value: Buffer): boolean {
    return value.includes(this.#needle) || value.includes('\\u');
  }
}

/** As requests, tasks, work and outcomes write it; undefined: it is none of them. */
function requestIdOf(value: Buffer): string | undefined {
  const parsed = jsonOf(value) as { requestId?: unknown; task?: { requestId?: unknown } } | null | undefined;
  const id = parsed?.requestId ?? parsed?.task?.requestId;
  return typeof id === 'string' ? id : undefined;
}

/** Where each window begins, newest first; the last one begins at `since`. */
export function backTos(now: number, since: number): number[] {
  const times = WINDOWS_MS.map((window) => now - window).filter((time) => time > since);
  return [...times, since];
}
