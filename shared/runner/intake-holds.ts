import type { LogConsumer } from '../log/index.ts';

type Consumer = Pick<LogConsumer, 'pause' | 'resume'>;

/** What a stage pauses to regulate itself, and what an operator holds back: a topic is delivered while neither does. */
export class IntakeHolds {
  readonly #consumers: () => Iterable<Consumer>;
  readonly #paused = new Set<string>();
  readonly #held = new Set<string>();

  constructor(consumers: () => Iterable<Consumer>) {
    this.#consumers = consumers;
  }

  /** By the stage, perhaps many times a second. */
  pause(topics: readonly string[]): void {
    for (const topic of topics) this.#paused.add(topic);
    for (const consumer of this.#consumers()) consumer.pause(topics);
  }

  resume(topics: readonly string[]): void {
    for (const topic of topics) this.#paused.delete(topic);
    const free = this.#held.size === 0 ? topics : topics.filter((topic) => !this.#held.has(topic));
    if (free.length > 0) for (const consumer of this.#consumers()) consumer.resume(free);
  }

  /** By an operator: exactly these, from now on. */
  hold(topics: readonly string[]): void {
    const before = [...this.#held];
    this.#held.clear();
    for (const topic of topics) this.#held.add(topic);
    const free = before.filter((topic) => !this.#held.has(topic) && !this.#paused.has(topic));
    for (const consumer of this.#consumers()) {
      if (topics.length > 0) consumer.pause(topics);
      if (free.length > 0) consumer.resume(free);
    }
  }
}
