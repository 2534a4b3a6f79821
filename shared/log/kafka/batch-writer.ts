import { messageOf, TandemError } from '../../errors/index.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { BrokerClock } from '../broker-clock.ts';
import { producerClosed, recordTooLarge, tenureOver, unknownTopic } from '../errors.ts';
import { DOUBT_PAUSE_MS } from '../tenure.ts';
import type { RecordBatch } from './accumulator.ts';
import { Backoff, pause } from './backoff.ts';
import { notAuthorized } from './access-failures.ts';
import type { DirectCluster } from './direct-cluster.ts';
import { classify, refused } from './failures.ts';
import { errorOfCode } from './kafkajs-internals.ts';
import type { ProduceResult, ProducerIdentity } from './produce-request.ts';
import { Sequences } from './sequences.ts';
import { NOBODY, type TopicLeaders } from './topic-leaders.ts';

/** A topic that is missing for so long is gone: brokers learn of a new one with a delay. */
const UNKNOWN_TOPIC_PATIENCE_MS = 5_000;
const REPORT_EVERY_MS = 5_000;
/** How long the broker waits for replicas. */
const PRODUCE_TIMEOUT_MS = 30_000;
const NONE = 0;
/** The records are there already: an answer was lost on its way. */
const DUPLICATE_SEQUENCE_NUMBER = 46;

/** What the broker knows this writer's repetitions by. */
interface Life {
  identity: Promise<ProducerIdentity>;
  sequences: Sequences;
}

/** A batch that was not written, and why. */
interface Fate {
  batch: RecordBatch;
  error: unknown;
}

/**
 * Writes batches as an idempotent producer until each is written or refused. A batch keeps its sequence number until its
 * fate is known, so the broker knows a repetition from the next one: it is repeated as it was, alone on its partition.
 *
 * A broker that has lost what it knew of the producer id in one partition refuses that partition's batch, and the writer
 * begins a new life: a new id, and numbers from 0. Batches of other partitions that were sent under the old id and whose
 * fate is not known yet keep to it, since only by it the broker knows them as written; what is sent for the first time,
 * to any partition, goes under the new one. So a batch is written twice only where its own partition has lost the id
 * while it was in doubt: it may lie there, and nothing can tell any more. At-least-once allows that; answers of
 * exactly-once go through `KafkaExclusiveWriter`, which stops there instead.
 *
 * A batch goes out only while its tenure is certain, as is seen at the last moment before each try. One whose tenure is
 * over is given up, also where it may have been written by an earlier try: whoever has the partition now decides.
 *
 * (kafkajs' own producer takes the numbers of a failed request back, shows only the first of its errors, and encodes each
 * record at ten times the cost: see `encodeProduce`.)
 */
export class BatchWriter {
  readonly #cluster: Pick<DirectCluster, 'produce' | 'producerIdentity' | 'reset'>;
  readonly #leaders: Pick<TopicLeaders, 'ask'>;
  readonly #logger: Logger;
  readonly #clock: BrokerClock;
  readonly #unknownTopicPatienceMs: number;
  readonly #closing = new AbortController();
  /** What is sent for the first time goes under it. */
  #life: Life | undefined;
  /** Of batches that may be written. */
  readonly #sentUnder = new WeakMap<RecordBatch, Life>();
  /** Counts how often connections were made anew. */
  #connections = 0;
  #reportAgainAt = 0;

  /** @param clock learns from acknowledgements */
  constructor(
    cluster: Pick<DirectCluster, 'produce' | 'producerIdentity' | 'reset'>, leaders: Pick<TopicLeaders, 'ask'>, logger: Logger, clock: BrokerClock,
    unknownTopicPatienceMs = UNKNOWN_TOPIC_PATIENCE_MS,
  ) {
    this.#cluster = cluster;
    this.#leaders = leaders;
    this.#logger = logger;
    this.#clock = clock;
    this.#unknownTopicPatienceMs = unknownTopicPatienceMs;
  }

  /** @throws when the broker cannot be reached */
  async connect(): Promise<void> {
    await this.#alive();
  }

  /** One try for all of them in one request; returns those that must be written one by one. */
  async writeTogether(leader: number, batches: readonly RecordBatch[]): Promise<RecordBatch[]> {
    try {
      const sentAt = this.#clock.localNow();
      const { fates, logAppendTime } = await this.#write(leader, batches, await this.#alive());
      this.#clock.acknowledged({ sentAt, ackedAt: this.#clock.localNow(), logAppendTime });
      for (const batch of batches) if (!fates.some((fate) => fate.batch === batch)) settle(batch);
      const [first] = fates;
      if (first !== undefined) this.#logger.debug({ error: messageOf(first.error), partitions: fates.length }, 'partitions that were not written are tried again, one by one');
      return fates.map(({ batch }) => batch);
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
      await this.#certainty(batch);
      if (batch.tenure?.state === 'over') return this.#giveUp(batch);
      const error = await this.#tryAlone(batch);
      if (error === undefined) return settle(batch);
      if (await this.#resolveFailure(batch, error, Date.now() - since)) return;
      await pause(backoff.nextMs(), this.#closing.signal);
    }
    settle(batch, producerClosed());
  }

  /** Ends all retries. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#cluster.reset();
  }

  async #certainty({ tenure }: RecordBatch): Promise<void> {
    while (tenure?.state === 'doubtful' && !this.#closing.signal.aborted) await pause(DOUBT_PAUSE_MS, this.#closing.signal);
  }

  /** Its number may be taken, and must not be the next batch's, which the broker would take for this one. */
  #giveUp(batch: RecordBatch): void {
    const life = this.#sentUnder.get(batch);
    if (life !== undefined) this.#lose(batch, life);
    settle(batch, tenureOver());
  }

  /** Undefined: it is written. */
  async #tryAlone(batch: RecordBatch): Promise<unknown> {
    try {
      const leader = (await this.#leaders.ask(batch.topic))[batch.partition] ?? NOBODY;
      return (await this.#write(leader, [batch], this.#sentUnder.get(batch) ?? (await this.#alive()))).fates[0]?.error;
    } catch (error) {
      return error;
    }
  }

  /** Names those that were not written, as far as is known. @throws when there is no answer */
  async #write(leader: number, batches: readonly RecordBatch[], life: Life): Promise<{ fates: Fate[]; logAppendTime: number }> {
    if (this.#closing.signal.aborted) throw producerClosed();
    if (leader === NOBODY) throw new Error('nobody leads the partition at the moment');
    const { sequences } = life;
    const identity = await life.identity;
    const parts = batches.map(({ topic, partition, records }) => ({
      topic, partition, firstSequence: sequences.next({ topic, partition }), records: records.map(({ record }) => record),
    }));
    let isHeld = false;
    const mayBeSent = (): boolean => !(isHeld = batches.some(({ tenure }) => tenure !== undefined && tenure.state !== 'certain'));
    const request = { ...identity, transactionalId: null, timeoutMs: PRODUCE_TIMEOUT_MS, parts };
    const { results } = await this.#answered(this.#cluster.produce(leader, request, mayBeSent)).catch((error: unknown) => {
      for (const batch of batches) this.#sentUnder.set(batch, life);
      throw error;
    });
    if (isHeld) throw new Error('whether the partition is still ours is not certain');
    return { fates: batches.flatMap((batch) => this.#fateOf(batch, life, results)), logAppendTime: latestOf(results) };
  }

  /** Without an answer the next try is over new connections: nothing may ever come over the old ones. Whoever finds new ones at work leaves them alone. */
  async #answered<Answer>(asked: Promise<Answer>): Promise<Answer> {
    const connections = this.#connections;
    try {
      return await asked;
    } catch (error) {
      if (connections === this.#connections) {
        this.#connections += 1;
        this.#cluster.reset();
      }
      throw error;
    }
  }

  #fateOf(batch: RecordBatch, life: Life, results: readonly ProduceResult[]): Fate[] {
    const { topic, partition, records } = batch;
    const result = results.find((one) => one.partition === partition && one.topic === topic);
    const error = result === undefined ? new Error(`the broker's answer says nothing of partition ${partition} of "${topic}"`) : errorIn(result);
    if (error === undefined) {
      life.sequences.advance(batch, records.length);
      return [];
    }
    if (classify(error) === 'sequence') this.#lose(batch, life);
    else this.#sentUnder.set(batch, life);
    return [{ batch, error }];
  }

  /** To the batch's partition. A batch of another one may have begun a newer life already: that stays. */
  #lose(batch: RecordBatch, life: Life): void {
    this.#sentUnder.delete(batch);
    if (this.#life === life) this.#life = undefined;
  }

  /** True when the batch's fate is settled. */
  async #resolveFailure(batch: RecordBatch, error: unknown, forMs: number): Promise<boolean> {
    if (error instanceof TandemError && error.code === 'unknown_topic') return this.#topicIsGone(batch, forMs);
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
    const { topic, partition, records, tenure } = batch;
    const [only] = records;
    if (records.length === 1 && only !== undefined) {
      return settle(batch, classify(error) === 'too_large' ? recordTooLarge(topic, only.bytes) : refused(topic, error));
    }
    const middle = records.length >> 1;
    await this.writeAlone({ topic, partition, records: records.slice(0, middle), tenure });
    await this.writeAlone({ topic, partition, records: records.slice(middle), tenure });
  }

  async #topicIsGone(batch: RecordBatch, forMs: number): Promise<boolean> {
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

  async #alive(): Promise<Life> {
    if (this.#closing.signal.aborted) throw producerClosed();
    const life = (this.#life ??= { identity: this.#answered(this.#cluster.producerIdentity()), sequences: new Sequences() });
    try {
      await life.identity;
      return life;
    } catch (error) {
      if (this.#life === life) this.#life = undefined;
      throw error;
    }
  }
}

function errorIn({ errorCode }: ProduceResult): Error | undefined {
  return errorCode === NONE || errorCode === DUPLICATE_SEQUENCE_NUMBER ? undefined : errorOfCode(errorCode);
}

function latestOf(results: readonly ProduceResult[]): number {
  return results.reduce((latest, { logAppendTime }) => Math.max(latest, logAppendTime), -1);
}

function settle({ records }: RecordBatch, error?: unknown): void {
  for (const record of records) record.settle(error);
}
