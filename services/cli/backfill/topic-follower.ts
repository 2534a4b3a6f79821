import type { EventLog, LogRecord } from '@tandem/shared/log';

/** Reads a topic on from given offsets, without a group: nobody else notices, and nobody else can disturb it. */
export class TopicFollower {
  readonly #log: EventLog;
  readonly #topic: string;
  /** By partition: what is to be read next. */
  readonly positions: number[];

  constructor(log: EventLog, topic: string, positions: readonly number[]) {
    this.#log = log;
    this.#topic = topic;
    this.positions = [...positions];
  }

  /**
   * Hands on what has come since. A batch is behind us when `take` has resolved.
   * @returns whether there was anything
   */
  async poll(take: (records: readonly LogRecord[]) => Promise<void>, signal?: AbortSignal): Promise<boolean> {
    let any = false;
    for (const { partition, latest } of await this.#log.admin.offsets(this.#topic)) {
      while (this.positions.length <= partition) this.positions.push(0);
      const from = this.positions[partition] ?? 0;
      if (latest <= from) continue;
      any = true;
      const range = { topic: this.#topic, partition, from: { offset: from }, to: latest };
      for await (const records of this.#log.read(signal === undefined ? range : { ...range, signal })) {
        await take(records);
        this.positions[partition] = (records.at(-1)?.offset ?? from) + 1;
      }
      if (signal?.aborted === true) return any;
      // The rest of the range are control records, or has been deleted.
      this.positions[partition] = latest;
    }
    return any;
  }
}

/** The next offset of each partition. */
export async function endsOf(log: EventLog, topic: string): Promise<number[]> {
  const ends: number[] = [];
  for (const { partition, latest } of await log.admin.offsets(topic)) ends[partition] = latest;
  return ends;
}
