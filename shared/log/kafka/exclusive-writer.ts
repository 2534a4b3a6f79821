import { TandemError } from '../../errors/index.ts';
import type { BrokerClock } from '../broker-clock.ts';
import { producerClosed, recordTooLarge, unknownPartition, unknownTopic, writerFenced, writeUncertain } from '../errors.ts';
import { Partitioner } from '../partitioner.ts';
import { sizeOfRecord } from '../record-size.ts';
import { keyOf } from '../topic-partition.ts';
import type { AgreedPartitions, ExclusiveWriter, OutgoingRecord, TopicPartition } from '../types.ts';
import { Backoff, pause, within } from './backoff.ts';
import type { DirectCluster } from './direct-cluster.ts';
import { refused } from './failures.ts';
import { problemOf } from './record-problem.ts';
import type { ProducerIdentity } from './produce-request.ts';
import { Sequences } from './sequences.ts';
import { NOBODY, type TopicLeaders } from './topic-leaders.ts';
import type { PartResult, TransactionClient } from './transaction-client.ts';
import { TransactionFailure, verdictOn } from './transaction-failures.ts';
import { nextRequest, TransactionPart } from './transaction-part.ts';

/**
 * The broker aborts a transaction that is open for longer: long enough for a broker's restart, short enough that a
 * writer that died in the middle hides what others write after it for no longer than that.
 */
export const TRANSACTION_TIMEOUT_MS = 30_000;
/** Tries end well before the broker may have aborted the transaction by itself. */
const GIVE_UP_AFTER_MS = 20_000;
const UNKNOWN_TOPIC_PATIENCE_MS = 5_000;
const MAX_REQUEST_BYTES = 524_288;
/** The markers of the transaction before are being written; that takes milliseconds. */
const BUSY_MS = { first: 1, most: 50, factor: 1.5 };
/** Seen only by whoever reads what is not committed. A topic that is compacted takes no record without a key. */
const BARRIER = { key: 'tandem.barrier', value: null };

export interface ExclusiveWriterParts {
  name: string;
  cluster: DirectCluster;
  client: TransactionClient;
  identity: ProducerIdentity;
  leaders: TopicLeaders;
  agreed: AgreedPartitions;
  /** How long closing waits for a write. */
  closeTimeoutMs: number;
  /** Learns from acknowledgements. */
  clock: BrokerClock;
  onClosed: () => void;
}

/** Each write is one Kafka transaction, by the transactional id that all writers of the name share. */
export class KafkaExclusiveWriter implements ExclusiveWriter {
  readonly #parts: ExclusiveWriterParts;
  readonly #partitioner: Partitioner;
  readonly #sequences = new Sequences();
  readonly #closing = new AbortController();
  #last: Promise<void> = Promise.resolve();
  /** Why nothing more can be written. */
  #broken: TandemError | undefined;

  constructor(parts: ExclusiveWriterParts) {
    this.#parts = parts;
    this.#partitioner = new Partitioner(parts.agreed);
  }

  async write(records: readonly OutgoingRecord[]): Promise<void> {
    return this.#inTurn(() => this.#write(records));
  }

  async barrier(place: TopicPartition): Promise<number> {
    return this.#inTurn(() => this.#barrier(place));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await within(this.#last, this.#parts.closeTimeoutMs);
    this.#parts.cluster.reset();
    this.#parts.onClosed();
  }

  #inTurn<Value>(action: () => Promise<Value>): Promise<Value> {
    const result = this.#last.then(action);
    this.#last = result.then(() => undefined, () => undefined);
    return result;
  }

  async #write(records: readonly OutgoingRecord[]): Promise<void> {
    const giveUpAt = Date.now() + GIVE_UP_AFTER_MS;
    if ((await this.#produceInTransaction(records, giveUpAt)).length > 0) await this.#commit(giveUpAt);
  }

  /** A record that is never committed: its offset comes from whoever has all replicas' agreement, whatever others believe to lead. */
  async #barrier(place: TopicPartition): Promise<number> {
    const giveUpAt = Date.now() + GIVE_UP_AFTER_MS;
    const [part] = await this.#produceInTransaction([{ ...BARRIER, ...place }], giveUpAt);
    await this.#abort(giveUpAt);
    if (part === undefined || part.writtenAt < 0) throw writeUncertain(this.#parts.name, new Error('the broker did not say where the barrier lies'));
    return part.writtenAt;
  }

  /** Leaves the transaction open, unless it throws. */
  async #produceInTransaction(records: readonly OutgoingRecord[], giveUpAt: number): Promise<readonly TransactionPart[]> {
    if (this.#closing.signal.aborted) throw producerClosed();
    if (this.#broken !== undefined) throw this.#broken;
    if (records.length === 0) return [];
    const parts = await this.#place(records);
    try {
      await this.#untilDone(giveUpAt, () => this.#parts.client.begin(this.#parts.identity, parts));
      await this.#produceAll(parts, giveUpAt);
    } catch (error) {
      throw await this.#withdraw(error, parts, giveUpAt);
    }
    return parts;
  }

  /** Nothing has begun, so what is wrong with a record harms nobody. */
  async #place(records: readonly OutgoingRecord[]): Promise<TransactionPart[]> {
    const parts = new Map<string, TransactionPart>();
    for (const record of records) {
      const { topic } = record;
      const { length } = this.#parts.leaders.peek(topic) ?? (await this.#askLeaders(topic));
      const partition = this.#partitioner.choose(record, length);
      const problem = partition >= 0 && partition < length ? problemOf(record) : unknownPartition(topic, partition, length);
      if (problem !== undefined) throw problem;
      const key = keyOf({ topic, partition });
      const part = parts.get(key) ?? new TransactionPart(topic, partition);
      parts.set(key, part);
      part.push({ record, bytes: sizeOfRecord(record) });
    }
    return [...parts.values()];
  }

  async #askLeaders(topic: string): Promise<readonly number[]> {
    try {
      return await this.#parts.leaders.ask(topic);
    } catch (error) {
      if (error instanceof TandemError && !error.retryable) throw error;
      throw writeUncertain(this.#parts.name, error);
    }
  }

  async #produceAll(parts: readonly TransactionPart[], giveUpAt: number): Promise<void> {
    for (let left = parts; left.length > 0; left = left.filter(({ done }) => !done)) {
      const current = left;
      await this.#untilDone(giveUpAt, () => this.#produceSome(current));
    }
  }

  /** One request to each broker. Throws what stands in the way of any of them, once the fate of all is known. */
  async #produceSome(parts: readonly TransactionPart[]): Promise<void> {
    const byLeader = new Map<number, TransactionPart[]>();
    for (const part of parts) {
      const leader = (await this.#parts.cluster.leaders(part.topic))[part.partition] ?? NOBODY;
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), part]);
    }
    const requests = await Promise.allSettled([...byLeader].map(([leader, all]) => this.#produce(leader, nextRequest(all, MAX_REQUEST_BYTES))));
    const errors: unknown[] = requests.flatMap((request) => (request.status === 'rejected' ? [request.reason as unknown] : []));
    if (errors.length > 0) throw worstOf(errors);
  }

  async #produce(leader: number, parts: readonly TransactionPart[]): Promise<void> {
    const { client, identity, clock } = this.#parts;
    const sentAt = clock.localNow();
    const repeated = parts.some(({ inDoubt }) => inDoubt);
    for (const part of parts) part.send();
    const results = await client.produce(identity, leader, parts, (part) => this.#sequences.next(part));
    const failures = results.flatMap((result) => this.#settle(result));
    const logAppendTime = Math.max(...results.map((result) => result.logAppendTime));
    if (!repeated) clock.acknowledged({ sentAt, ackedAt: clock.localNow(), logAppendTime });
    if (failures.length > 0) throw worstOf(failures);
  }

  /** Takes note of what is written; returns what is wrong with the rest. */
  #settle({ part, failure, baseOffset }: PartResult): Error[] {
    if (failure === undefined) {
      this.#sequences.advance(part, part.batch.length);
      part.advance(baseOffset);
      return [];
    }
    if (failure.verdict === 'too_large' || failure.verdict === 'refused') part.refuse();
    if (failure.verdict === 'too_large') return part.halve() ? [] : [recordTooLarge(part.topic, part.batch[0]?.bytes ?? 0)];
    if (failure.verdict === 'refused') return [refused(part.topic, failure.cause)];
    return [failure];
  }

  /** Repeats what may succeed later. */
  async #untilDone(giveUpAt: number, operation: () => Promise<void>): Promise<void> {
    const since = Date.now();
    const backoff = new Backoff();
    let busyMs = BUSY_MS.first;
    for (;;) {
      try {
        return await inTime(operation(), giveUpAt);
      } catch (error) {
        const verdict = error instanceof TandemError ? 'refused' : verdictOn(error);
        const patient = verdict === 'busy' || verdict === 'transient' || (verdict === 'unknown_topic' && Date.now() < since + UNKNOWN_TOPIC_PATIENCE_MS);
        if (!patient || Date.now() >= giveUpAt || this.#closing.signal.aborted) throw error;
        if (verdict !== 'busy') this.#parts.cluster.reset();
        await pause(verdict === 'busy' ? busyMs : backoff.nextMs(), this.#closing.signal);
        busyMs = Math.min(BUSY_MS.most, busyMs * BUSY_MS.factor);
      }
    }
  }

  /** Ends a transaction that cannot be completed; returns what to say. Nothing of it can be read, whatever comes. */
  async #withdraw(error: unknown, parts: readonly TransactionPart[], giveUpAt: number): Promise<TandemError> {
    const { name } = this.#parts;
    if (verdictOn(error) === 'fenced' && Date.now() < giveUpAt) return (this.#broken = writerFenced(name));
    const final = finalErrorOf(error);
    if (final === undefined) return (this.#broken = writeUncertain(name, error));
    await this.#abort(giveUpAt).catch(() => undefined);
    // The next sequence number of such a part is not known, and a wrong one can make the broker drop records.
    if (parts.some(({ inDoubt }) => inDoubt)) this.#broken ??= writeUncertain(name, error);
    return final;
  }

  /** @throws what the writer is broken by from then on */
  async #abort(giveUpAt: number): Promise<void> {
    const { client, identity, name } = this.#parts;
    try {
      await this.#untilDone(giveUpAt, () => client.end(identity, false));
    } catch (error) {
      throw (this.#broken = verdictOn(error) === 'fenced' ? writerFenced(name) : writeUncertain(name, error));
    }
  }

  async #commit(giveUpAt: number): Promise<void> {
    const { client, identity, name } = this.#parts;
    let tries = 0;
    try {
      await this.#untilDone(giveUpAt, () => {
        tries++;
        return client.end(identity, true);
      });
    } catch (error) {
      // A first try without an answer may have committed before another writer came.
      const fenced = verdictOn(error) === 'fenced' && tries === 1 && Date.now() < giveUpAt;
      throw (this.#broken = fenced ? writerFenced(name) : writeUncertain(name, error));
    }
  }
}

function worstOf(errors: readonly unknown[]): unknown {
  return errors.find((error) => error instanceof TandemError || verdictOn(error) !== 'transient') ?? errors[0];
}

/** What is wrong with the records, not with the writer or the way to the broker. */
function finalErrorOf(error: unknown): TandemError | undefined {
  if (error instanceof TandemError) return error;
  return error instanceof TransactionFailure && error.verdict === 'unknown_topic' ? unknownTopic(error.topic) : undefined;
}

async function inTime<Value>(promise: Promise<Value>, giveUpAt: number): Promise<Value> {
  const done = promise.then((value) => ({ value }));
  const result = await within(done, Math.max(0, giveUpAt - Date.now()));
  if (result === undefined) throw new Error('the broker did not answer in time');
  return result.value;
}
