import { TandemError } from '../../errors/index.ts';
import { unknownTopic } from '../errors.ts';
import type { LogRecord } from '../types.ts';
import { Group } from './group.ts';
import type { ResolvedEmbeddedLogOptions } from './options.ts';
import type { Topic } from './topic.ts';

/** This part of `maxBytes` is for topics that hold little. */
const RESERVE = 1 / 4;

/** The state of an embedded log: topics, groups, and the memory they may take. */
export class Store {
  readonly options: ResolvedEmbeddedLogOptions;
  readonly topics = new Map<string, Topic>();
  /** Of exclusive writers, by name: the last one opened is the one that may write. */
  readonly writerEpochs = new Map<string, number>();
  readonly #groups = new Map<string, Group>();
  /** Positions of tails, by topic. */
  readonly #followers = new Map<string, Set<(partition: number) => number>>();
  #bytes = 0;
  #reclaimAt: number;

  constructor(options: ResolvedEmbeddedLogOptions) {
    this.options = options;
    this.#reclaimAt = options.retainBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @throws {TandemError} `unknown_topic` */
  topic(name: string): Topic {
    const topic = this.topics.get(name);
    if (topic === undefined) throw unknownTopic(name);
    return topic;
  }

  groups(): Group[] {
    return [...this.#groups.values()];
  }

  group(id: string): Group {
    let group = this.#groups.get(id);
    if (group === undefined) {
      group = new Group(id, {
        partitionCount: (name) => this.topics.get(name)?.spec.partitions,
        defer: (callback) => this.options.defer(callback),
      });
      this.#groups.set(id, group);
    }
    return group;
  }

  /** Keeps what a tail has not read; the returned function ends that. */
  follow(topic: string, position: (partition: number) => number): () => void {
    const positions = this.#followers.get(topic) ?? new Set();
    this.#followers.set(topic, positions.add(position));
    return () => positions.delete(position);
  }

  /**
   * Makes room for as many bytes of each topic. The last quarter of `maxBytes` is shared out among the topics: whoever
   * fills the log with one of them cannot keep the stages that read it from writing to the others.
   * @throws {TandemError} `log_full`, retryable
   */
  reserve(wanted: ReadonlyMap<Topic, number>): void {
    let bytes = 0;
    for (const each of wanted.values()) bytes += each;
    if (this.#bytes + bytes > this.#reclaimAt) this.#reclaim(bytes);
    if (this.#hasRoom(wanted, bytes)) return;
    this.#reclaim(bytes);
    if (this.#hasRoom(wanted, bytes)) return;
    const topics = [...wanted.keys()].map(({ spec }) => spec.name).join(', ');
    const message = `The embedded log is full for ${topics}: ${this.#bytes} of ${this.options.maxBytes} bytes wait for consumers. Slow down and try again, or raise maxBytes.`;
    throw new TandemError(message, { code: 'log_full', retryable: true });
  }

  append(topic: Topic, partition: number, record: Omit<LogRecord, 'topic' | 'partition' | 'offset'>, bytes: number): void {
    this.#bytes += topic.append(partition, record, bytes);
  }

  delete(name: string): void {
    const topic = this.topics.get(name);
    if (topic === undefined) return;
    this.#bytes -= topic.bytes;
    this.topics.delete(name);
    for (const group of this.#groups.values()) group.forget(name);
  }

  #hasRoom(wanted: ReadonlyMap<Topic, number>, bytes: number): boolean {
    const { maxBytes } = this.options;
    if (this.#bytes + bytes > maxBytes) return false;
    if (this.#bytes + bytes <= maxBytes * (1 - RESERVE)) return true;
    const share = (maxBytes * RESERVE) / this.topics.size;
    for (const [topic, more] of wanted) if (!fitsInto(share, topic, more)) return false;
    return true;
  }

  #reclaim(bytes: number): void {
    const now = this.options.clock.now();
    // Half of what may be retained goes at once, so that this does not run for each record.
    const target = this.options.retainBytes / 2 - bytes;
    for (const topic of this.topics.values()) {
      const wanted = this.#bytes - target;
      if (wanted > 0) this.#bytes -= topic.reclaim(now, (partition) => this.#floor(topic.spec.name, partition), wanted);
    }
    const slack = (this.options.maxBytes - this.#bytes) / 16;
    this.#reclaimAt = Math.max(this.options.retainBytes, this.#bytes + bytes + slack);
  }

  /** Everything below it has been read by all who read the topic. */
  #floor(topic: string, partition: number): number {
    let floor = Number.POSITIVE_INFINITY;
    for (const group of this.#groups.values()) floor = Math.min(floor, group.floor(topic, partition));
    for (const position of this.#followers.get(topic) ?? []) floor = Math.min(floor, position(partition));
    return floor;
  }
}

/** A topic that holds nothing may be given more than its share at once, or a large record could never be written. */
function fitsInto(share: number, topic: Topic, more: number): boolean {
  // What is written to a compacted topic takes the place of what it holds.
  if (topic.spec.cleanup === 'compact') return true;
  return topic.bytes === 0 || topic.bytes + more <= share;
}
