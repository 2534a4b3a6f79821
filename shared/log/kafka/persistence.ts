import { messageOf, TandemError } from '../../errors/index.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { unknownTopic } from '../errors.ts';
import { notAuthorized } from './access-failures.ts';
import { Backoff, pause } from './backoff.ts';
import type { DirectCluster } from './direct-cluster.ts';
import { classify, refused } from './failures.ts';

/** Brokers learn of a new topic, or of a new leader, with a delay. */
const UNKNOWN_TOPIC_PATIENCE_MS = 5_000;
const REPORT_EVERY_MS = 30_000;

export interface PersistenceOptions {
  cluster: Pick<DirectCluster, 'reset'>;
  topic: string;
  logger: Logger;
  /** Ends the tries. */
  signal: AbortSignal;
}

/** Asks about a topic again and again, with new connections and backoff, while brokers are away or leaders move. */
export class Persistence {
  readonly #options: PersistenceOptions;
  #reportAgainAt = 0;

  constructor(options: PersistenceOptions) {
    this.#options = options;
  }

  /**
   * The operation's result, or undefined when the signal has ended it.
   * @param unknownTopicPatienceMs a topic that is missing for so long is gone
   * @throws {TandemError} `unknown_topic`, `record_refused`, `kafka_not_authorized`
   */
  async run<Value>(operation: () => Promise<Value>, unknownTopicPatienceMs = UNKNOWN_TOPIC_PATIENCE_MS): Promise<Value | undefined> {
    const { cluster, signal } = this.#options;
    const backoff = new Backoff();
    const since = Date.now();
    while (!signal.aborted) {
      try {
        return await unlessAborted(operation(), signal);
      } catch (error) {
        cluster.reset();
        this.#throwIfFinal(error, Date.now() - since >= unknownTopicPatienceMs);
        this.#report(error);
        await pause(backoff.nextMs(), signal);
      }
    }
    return undefined;
  }

  #throwIfFinal(error: unknown, topicIsGone: boolean): void {
    const { topic } = this.#options;
    if (error instanceof TandemError && !error.retryable) throw error;
    const failure = classify(error);
    if (failure === 'refused') throw refused(topic, error);
    if (failure === 'not_authorized') throw notAuthorized(`topic "${topic}"`, error) ?? error;
    if (failure === 'unknown_topic' && topicIsGone) throw unknownTopic(topic);
  }

  #report(error: unknown): void {
    if (Date.now() < this.#reportAgainAt) return;
    this.#reportAgainAt = Date.now() + REPORT_EVERY_MS;
    const { logger, topic } = this.#options;
    logger.warn({ topic, error: messageOf(error) }, 'records cannot be read at the moment; trying on');
  }
}

/** The promise's result, or undefined once the signal is aborted; what becomes of the promise then is of no interest. */
function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value | undefined> {
  return new Promise((resolve, reject) => {
    const leave = (): void => resolve(undefined);
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  });
}
