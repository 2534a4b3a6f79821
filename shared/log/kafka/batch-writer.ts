import { messageOf, TandemError } from '../../errors/index.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { Kafka, Producer, RecordMetadata } from 'kafkajs';
import type { BrokerClock } from '../broker-clock.ts';
import { producerClosed, recordTooLarge, unknownTopic } from '../errors.ts';
import type { RecordBatch } from './accumulator.ts';
import { Backoff, pause } from './backoff.ts';
import { notAuthorized } from './access-failures.ts';
import { classify, refused } from './failures.ts';
import type { TopicLeaders } from './topic-leaders.ts';

/** A topic that is missing for so long is gone: brokers learn of a new one with a delay. */
const UNKNOWN_TOPIC_PATIENCE_MS = 5_000;
const REPORT_EVERY_MS = 5_000;
const METADATA_MAX_AGE_MS = 5_000;
/** What the broker says of topics that keep the producer's times. */
const NOT_STAMPED = -1;

/**
 * Writes batches through kafkajs' idempotent producer until each is written or refused.
 *
 * kafkajs takes back a partition's sequence number when a request fails, although the broker may have written the
 * batch. Sending the same batch again is then safe (the broker knows it); sending another one is not: the broker could
 * take it for the first and drop it. So a batch is repeated as it was, alone on its partition, until its fate is known.
 */
export class BatchWriter {
  readonly #kafka: Kafka;
  readonly #leaders: TopicLeaders;
  readonly #logger: Logger;
  readonly #clock: BrokerClock;
  readonly #unknownTopicPatienceMs: number;
  readonly #closing = new AbortController();
  #producer: Promise<Producer> | undefined;
  #reportAgainAt = 0;

  /** @param clock learns from acknowledgements */
  constructor(kafka: Kafka, leaders: TopicLeaders, logger: Logger, clock: BrokerClock, unknownTopicPatienceMs = UNKNOWN_TOPIC_PATIENCE_MS) {
    this.#kafka = kafka;
    this.#leaders = leaders;
    this.#logger = logger;
    this.#clock = clock;
    this.#unknownTopicPatienceMs = unknownTopicPatienceMs;
  }

  /** @throws when the broker cannot be reached */
  async connect(): Promise<void> {
    await this.#connected();
  }

  /** One try for all of them in one request; returns those that must be written one by one. */
  async writeTogether(batches: readonly RecordBatch[]): Promise<RecordBatch[]> {
    try {
      const sentAt = this.#clock.localNow();
      const { missing, logAppendTime } = await this.#write(batches);
      this.#clock.acknowledged({ sentAt, ackedAt: this.#clock.localNow(), logAppendTime });
      for (const batch of batches) if (!missing.includes(batch)) settle(batch);
      return missing;
    } catch (error) {
      this.#logger.debug({ error: messageOf(error), partitions: batches.length }, 'a produce request failed and is repeated by partition');
      return [...batches];
    }
  }

  /** Until it is written, refused, or the writer closes. Never throws: the batch's records learn of it. */
  async writeAlone(batch: RecordBatch): Promise<void> {
    const backoff = new Backoff();
    const since = Date.now();
    while (!this.#closing.signal.aborted) {
      try {
        if ((await this.#write([batch])).missing.length === 0) return settle(batch);
      } catch (error) {
        if (await this.#resolveFailure(batch, error, Date.now() - since)) return;
      }
      await pause(backoff.nextMs(), this.#closing.signal);
    }
    settle(batch, producerClosed());
  }

  /** Ends all retries. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#disconnect();
  }

  /** Names the batches that kafkajs left out: it forgets partitions whose leader moved during its own retries. */
  async #write(batches: readonly RecordBatch[]): Promise<{ missing: RecordBatch[]; logAppendTime: number }> {
    const producer = await this.#connected();
    const topicMessages = batches.map(({ topic, records }) => ({ topic, messages: records.map(({ message }) => message) }));
    const written = await producer.sendBatch({ acks: -1, topicMessages });
    const missing = batches.filter((batch) => !written.some((metadata) => isAbout(metadata, batch)));
    return { missing, logAppendTime: Math.max(NOT_STAMPED, ...written.map((metadata) => Number(metadata.logAppendTime ?? NOT_STAMPED))) };
  }

  /** True when the batch's fate is settled. */
  async #resolveFailure(batch: RecordBatch, error: unknown, forMs: number): Promise<boolean> {
    switch (classify(error)) {
      case 'too_large':
      case 'refused':
        await this.#isolate(batch, error);
        return true;
      case 'not_authorized':
        this.#reportDelay(batch, error);
        settle(batch, notAuthorized(`topic "${batch.topic}"`, error));
        return true;
      case 'unknown_topic':
        return this.#topicIsGone(batch, forMs);
      case 'sequence':
        this.#logger.warn({ topic: batch.topic, partition: batch.partition, error: messageOf(error) }, 'producer id lost; continuing with a new one');
        await this.#disconnect();
        return false;
      case 'transient':
        this.#reportDelay(batch, error);
        return false;
    }
  }

  /** Once in a while: an outage fails every batch, again and again. */
  #reportDelay({ topic, partition }: RecordBatch, error: unknown): void {
    if (Date.now() < this.#reportAgainAt) return;
    this.#reportAgainAt = Date.now() + REPORT_EVERY_MS;
    this.#logger.warn({ topic, partition, error: messageOf(error) }, 'records cannot be written at the moment; trying on');
  }

  /** Nothing of the batch was written. Halves find the one record that cannot be; the others are written, in order. */
  async #isolate(batch: RecordBatch, error: unknown): Promise<void> {
    const { topic, partition, records } = batch;
    const [only] = records;
    if (records.length === 1 && only !== undefined) {
      return settle(batch, classify(error) === 'too_large' ? recordTooLarge(topic, only.bytes) : refused(topic, error));
    }
    const middle = records.length >> 1;
    await this.writeAlone({ topic, partition, records: records.slice(0, middle) });
    await this.writeAlone({ topic, partition, records: records.slice(middle) });
  }

  async #topicIsGone(batch: RecordBatch, forMs: number): Promise<boolean> {
    // kafkajs asks for all topics it ever wrote to, so it must forget this one, or it could write to none.
    await this.#disconnect();
    if (forMs < this.#unknownTopicPatienceMs) return false;
    try {
      await this.#leaders.ask(batch.topic);
      return false;
    } catch (error) {
      if (!(error instanceof TandemError) || error.code !== 'unknown_topic') return false;
      settle(batch, unknownTopic(batch.topic));
      return true;
    }
  }

  async #connected(): Promise<Producer> {
    if (this.#closing.signal.aborted) throw producerClosed();
    this.#producer ??= (async () => {
      const producer = this.#kafka.producer({
        idempotent: true,
        allowAutoTopicCreation: false,
        // It leaves out records for partitions that it does not know, so those of a partition that was added wait for this.
        metadataMaxAge: METADATA_MAX_AGE_MS,
        createPartitioner: () => ({ message }) => message.partition ?? 0,
      });
      try {
        await producer.connect();
        return producer;
      } catch (error) {
        this.#producer = undefined;
        await producer.disconnect().catch(() => undefined);
        throw error;
      }
    })();
    return this.#producer;
  }

  async #disconnect(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    await producer?.then((connected) => connected.disconnect()).catch(() => undefined);
  }
}

function isAbout({ topicName, partition, errorCode }: RecordMetadata, batch: RecordBatch): boolean {
  return topicName === batch.topic && partition === batch.partition && errorCode === 0;
}

function settle({ records }: RecordBatch, error?: unknown): void {
  for (const record of records) record.settle(error);
}
