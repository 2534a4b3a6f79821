import type { KafkaAdmin } from './admin.ts';

/** In place of a leader, where there is none at the moment. */
export const NOBODY = -1;

/** Leaders of a topic's partitions, by partition number. */
export type Leaders = readonly number[];

/** Remembers topics' partitions and their leaders; asks once however many want to know. */
export class TopicLeaders {
  readonly #admin: KafkaAdmin;
  readonly #maxAgeMs: number;
  readonly #known = new Map<string, { leaders: Leaders; askAgainAt: number }>();
  readonly #asked = new Map<string, Promise<Leaders>>();

  /** @param maxAgeMs partitions added to a topic are seen after this at the latest */
  constructor(admin: KafkaAdmin, maxAgeMs: number) {
    this.#admin = admin;
    this.#maxAgeMs = maxAgeMs;
  }

  /** What is known; what has grown old is asked for again meanwhile. */
  peek(topic: string): Leaders | undefined {
    const entry = this.#known.get(topic);
    if (entry !== undefined && Date.now() > entry.askAgainAt) void this.ask(topic).catch(() => undefined);
    return entry?.leaders;
  }

  /** @throws {TandemError} `unknown_topic`, `kafka_unreachable` */
  async ask(topic: string): Promise<Leaders> {
    let asked = this.#asked.get(topic);
    if (asked === undefined) {
      asked = this.#fetch(topic).finally(() => this.#asked.delete(topic));
      this.#asked.set(topic, asked);
    }
    return asked;
  }

  async #fetch(topic: string): Promise<Leaders> {
    const partitions = await this.#admin.partitions(topic);
    const leaders = partitions.map(({ leader }) => leader);
    this.#known.set(topic, { leaders, askAgainAt: Date.now() + this.#maxAgeMs });
    return leaders;
  }
}
