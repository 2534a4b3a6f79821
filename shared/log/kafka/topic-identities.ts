import { messageOf } from '../../errors/index.ts';
import type { Logger } from '../../telemetry/logger.ts';

/** Notices topics that were deleted and made anew: offsets of the old one mean nothing in the new one. */
export class TopicIdentities {
  readonly #topics: readonly string[];
  readonly #ask: (topic: string) => Promise<string | undefined>;
  readonly #logger: Logger;
  readonly #known = new Map<string, string>();

  /** @param ask for the id of a topic; undefined where there is none */
  constructor(topics: readonly string[], ask: (topic: string) => Promise<string | undefined>, logger: Logger) {
    this.#topics = topics;
    this.#ask = ask;
    this.#logger = logger;
  }

  /** Topics that have another id than before. One that is seen for the first time, or cannot be asked for, is none. */
  async changed(): Promise<ReadonlyMap<string, string>> {
    const changed = new Map<string, string>();
    for (const topic of this.#topics) {
      const id = await this.#idOf(topic);
      if (id === undefined) continue;
      if (this.#known.has(topic) && this.#known.get(topic) !== id) changed.set(topic, id);
      else this.#known.set(topic, id);
    }
    return changed;
  }

  /** What was to be done about them is done. */
  accept(changed: ReadonlyMap<string, string>): void {
    for (const [topic, id] of changed) {
      this.#logger.warn({ topic }, 'the topic was deleted and made anew; reading it from its start');
      this.#known.set(topic, id);
    }
  }

  async #idOf(topic: string): Promise<string | undefined> {
    try {
      return await this.#ask(topic);
    } catch (error) {
      this.#logger.debug({ topic, error: messageOf(error) }, 'topic id unknown');
      return undefined;
    }
  }
}
