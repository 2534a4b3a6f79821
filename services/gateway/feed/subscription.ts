import type { LogRecord } from '@tandem/shared/log';
import { writePositions, type Positions } from './positions.ts';
import type { ResponseFeed } from './response-feed.ts';

/** Live records that wait while older ones are read; beyond it they are read from the log again. */
const MOST_HELD = 5_000;

export interface SubscriptionOptions {
  feed: ResponseFeed;
  /** From where on. @default from now on */
  from: Positions | undefined;
  accepts: (record: LogRecord) => boolean;
  /** Called with each accepted record in the order of its partition, once. */
  onRecord: (record: LogRecord, id: string) => void;
  signal: AbortSignal;
}

/** Responses of a follower: what came since its last event, from the log, and then what comes. */
export class Subscription {
  readonly #options: SubscriptionOptions;
  /** The next offset of each partition: what is behind it has been given out. */
  readonly #next: Positions = new Map();
  #held: LogRecord[] | undefined = [];
  #leave: () => void = () => undefined;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
  }

  /** The id of an event that stands for all that has been given out. */
  get id(): string {
    return writePositions(this.#next);
  }

  /** Resolves when it has caught up. */
  async start(): Promise<void> {
    const { feed, from, signal } = this.#options;
    this.#leave = await feed.follow((record) => this.#receive(record));
    const ends = await feed.ends();
    for (const [partition, end] of ends) this.#next.set(partition, Math.min(from?.get(partition) ?? end, end));
    if (from !== undefined) for (const partition of ends.keys()) await this.#catchUp(partition);
    while (!signal.aborted && this.#overflowed()) for (const partition of ends.keys()) await this.#catchUp(partition);
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const record of held) this.#deliver(record);
  }

  close(): void {
    this.#leave();
  }

  #receive(record: LogRecord): void {
    if (this.#held === undefined) this.#deliver(record);
    else if (this.#held.length <= MOST_HELD) this.#held.push(record);
  }

  #overflowed(): boolean {
    if (this.#held === undefined || this.#held.length <= MOST_HELD) return false;
    this.#held = [];
    return true;
  }

  async #catchUp(partition: number): Promise<void> {
    const { feed, signal } = this.#options;
    const from = this.#next.get(partition) ?? 0;
    for await (const record of feed.read(partition, from, signal)) this.#deliver(record);
  }

  #deliver(record: LogRecord): void {
    const { partition, offset } = record;
    if (offset < (this.#next.get(partition) ?? 0)) return;
    this.#next.set(partition, offset + 1);
    const { accepts, onRecord } = this.#options;
    if (accepts(record)) onRecord(record, this.id);
  }
}
