import type { Admin, Kafka } from 'kafkajs';
import { isAccessFailure } from './access-failures.ts';
import { persist } from './backoff.ts';
import { isBrokerError, unreachable } from './failures.ts';
import type { ResolvedKafkaLogOptions } from './options.ts';

/**
 * One kafkajs admin connection, made when it is first needed and made anew when it fails: kafkajs remembers every topic
 * it was ever asked about, and one that has been deleted since makes all its requests fail.
 */
export class AdminClient {
  readonly #kafka: Kafka;
  readonly #options: ResolvedKafkaLogOptions;
  readonly #closing = new AbortController();
  #connected: Promise<Admin> | undefined;

  constructor(kafka: Kafka, options: ResolvedKafkaLogOptions) {
    this.#kafka = kafka;
    this.#options = options;
  }

  /**
   * Runs an operation, again and again while a broker settles.
   * @param isFinal tells the errors that no waiting mends; they are thrown as they are
   * @throws {TandemError} `kafka_unreachable`, retryable, when it does not settle in time; at once, where the broker does
   *   not let this client in, `kafka_tls`, `kafka_authentication`, `kafka_not_authorized`
   */
  async run<Value>(operation: (admin: Admin) => Promise<Value>, isFinal: (error: unknown) => boolean = () => false): Promise<Value> {
    const attempt = async (): Promise<Value> => {
      try {
        return await operation(await this.#connect());
      } catch (error) {
        await this.#disconnect();
        throw error;
      }
    };
    try {
      return await persist(attempt, { timeoutMs: this.#options.settleTimeoutMs, signal: this.#closing.signal, isFinal: (error) => isFinal(error) || isAccessFailure(error) });
    } catch (error) {
      throw isFinal(error) ? error : unreachable(this.#options.brokers, error);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#disconnect();
  }

  async #connect(): Promise<Admin> {
    if (this.#closing.signal.aborted) throw new Error('the log is closed');
    this.#connected ??= (async () => {
      const admin = this.#kafka.admin();
      await admin.connect();
      return admin;
    })();
    return this.#connected;
  }

  async #disconnect(): Promise<void> {
    const connected = this.#connected;
    this.#connected = undefined;
    await connected?.then((admin) => admin.disconnect()).catch(() => undefined);
  }
}

export function isUnknownTopic(error: unknown): boolean {
  return isBrokerError(error, 'UNKNOWN_TOPIC_OR_PARTITION');
}
