import { TandemError } from '../../errors/index.ts';
import { Company } from '../company.ts';
import { producerClosed, unknownPartition } from '../errors.ts';
import { Partitioner } from '../partitioner.ts';
import { sizeOfRecord } from '../record-size.ts';
import { DOUBT_PAUSE_MS, type Tenure } from '../tenure.ts';
import type { AgreedPartitions, LogProducer, OutgoingRecord, ProducerOptions } from '../types.ts';
import { Accumulator, type RecordBatch } from './accumulator.ts';
import { within } from './backoff.ts';
import type { BatchWriter } from './batch-writer.ts';
import { problemOf } from './record-problem.ts';
import { PendingBytes } from './pending-bytes.ts';
import { SendCall } from './send-call.ts';
import { NOBODY, type Leaders, type TopicLeaders } from './topic-leaders.ts';

interface KafkaProducerOptions extends ProducerOptions {
  closeTimeoutMs: number;
  agreed: AgreedPartitions;
}

/**
 * Gathers records into one request for each broker at a time, so that what arrives meanwhile forms the next one. A partition has one batch on its way, which keeps its order.
 */
export class KafkaProducer implements LogProducer {
  readonly #writer: BatchWriter;
  readonly #leaders: TopicLeaders;
  readonly #options: KafkaProducerOptions;
  readonly #accumulator = new Accumulator();
  readonly #partitioner: Partitioner;
  readonly #pending: PendingBytes;
  readonly #company: Company;
  /** Brokers with a request on its way. */
  readonly #busy = new Set<number>();
  /** Calls that wait for room or metadata; later ones must not overtake them. */
  #admission: Promise<void> | undefined;
  #timer: NodeJS.Timeout | NodeJS.Immediate | undefined;
  #heldTimer: NodeJS.Timeout | undefined;
  #due = false;
  #queuedBytes = 0;
  #closed = false;

  constructor(writer: BatchWriter, leaders: TopicLeaders, options: KafkaProducerOptions) {
    this.#writer = writer;
    this.#leaders = leaders;
    this.#options = options;
    this.#partitioner = new Partitioner(options.agreed);
    this.#pending = new PendingBytes(options.maxPendingBytes);
    this.#company = new Company(options.lingerMs);
  }

  async send(records: readonly OutgoingRecord[], tenure?: Tenure): Promise<void> {
    if (this.#closed) throw producerClosed();
    if (records.length === 0) return;
    const call = new SendCall(records.length, tenure);
    const admitted = this.#admission === undefined ? this.#admitNow(records, call) : 0;
    if (admitted < records.length) this.#admitLater(records.slice(admitted), call);
    return call.done;
  }

  async flush(): Promise<void> {
    while (this.#admission !== undefined || !this.#pending.empty) {
      await this.#admission;
      this.#due = true;
      this.#pump();
      await this.#pending.idle();
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await within(this.flush(), this.#options.closeTimeoutMs);
    clearTimeout(this.#heldTimer);
    for (const record of this.#accumulator.drain()) record.settle(producerClosed());
    this.#pending.abandon();
    await within(this.#writer.close(), this.#options.closeTimeoutMs);
  }

  /** Takes records while nothing has to be waited for; returns how many. */
  #admitNow(records: readonly OutgoingRecord[], call: SendCall): number {
    for (const [index, record] of records.entries()) {
      const leaders = this.#leaders.peek(record.topic);
      const bytes = sizeOfRecord(record);
      if (leaders === undefined || !this.#pending.hasRoom(bytes)) return index;
      this.#enqueue(record, bytes, leaders, call);
    }
    return records.length;
  }

  #admitLater(records: readonly OutgoingRecord[], call: SendCall): void {
    const admission = (this.#admission ?? Promise.resolve()).then(() => this.#admit(records, call));
    this.#admission = admission;
    void admission.then(() => {
      if (this.#admission === admission) this.#admission = undefined;
    });
  }

  async #admit(records: readonly OutgoingRecord[], call: SendCall): Promise<void> {
    for (const record of records) {
      try {
        const leaders = this.#leaders.peek(record.topic) ?? (await this.#knownLeaders(record.topic));
        const bytes = sizeOfRecord(record);
        if (!this.#pending.hasRoom(bytes)) await this.#pending.room(bytes);
        this.#enqueue(record, bytes, leaders, call);
      } catch (error) {
        call.settle(error);
      }
    }
  }

  /** Waits for a broker that is away for as long as it takes. */
  async #knownLeaders(topic: string): Promise<Leaders> {
    for (;;) {
      try {
        return await this.#leaders.ask(topic);
      } catch (error) {
        if (this.#closed) throw producerClosed();
        if (!(error instanceof TandemError) || !error.retryable || error.code === 'kafka_not_authorized') throw error;
      }
    }
  }

  #enqueue(record: OutgoingRecord, bytes: number, leaders: Leaders, call: SendCall): void {
    const { topic } = record;
    const partition = this.#partitioner.choose(record, leaders.length);
    if (this.#closed && this.#pending.abandoned) return call.settle(producerClosed());
    if (!(partition >= 0 && partition < leaders.length)) return call.settle(unknownPartition(topic, partition, leaders.length));
    const problem = problemOf(record);
    if (problem !== undefined) return call.settle(problem);
    this.#pending.add(bytes);
    this.#queuedBytes += bytes;
    const settle = (error?: unknown): void => {
      this.#pending.remove(bytes);
      call.settle(error);
    };
    this.#accumulator.push(topic, partition, { record, bytes, settle, tenure: call.tenure });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#due || this.#timer !== undefined) {
      if (this.#queuedBytes >= this.#options.maxBatchBytes) this.#fire();
      return;
    }
    const waitMs = this.#company.waitMs(performance.now());
    this.#timer = waitMs > 0 ? setTimeout(() => this.#fire(), waitMs) : setImmediate(() => this.#fire());
  }

  #fire(): void {
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer as NodeJS.Timeout);
      clearImmediate(this.#timer as NodeJS.Immediate);
    }
    this.#timer = undefined;
    this.#company.came(performance.now());
    this.#due = true;
    this.#pump();
  }

  /** One request to each broker that has none on its way. */
  #pump(): void {
    const { maxBatchBytes } = this.#options;
    for (;;) {
      // The first waiting partition decides the broker, the request takes along what else goes there.
      let broker: number | undefined;
      const batches = this.#accumulator.takeBatches(maxBatchBytes, (topic, partition) => {
        const leader = this.#leaders.peek(topic)?.[partition] ?? NOBODY;
        if (broker === undefined && !this.#busy.has(leader)) broker = leader;
        return leader === broker;
      });
      if (broker === undefined || batches.length === 0) break;
      this.#busy.add(broker);
      for (const { records } of batches) for (const { bytes } of records) this.#queuedBytes -= bytes;
      void this.#request(broker, batches);
    }
    if (this.#accumulator.empty) this.#due = false;
    if (this.#accumulator.holds) this.#heldTimer ??= setTimeout(() => this.#reconsider(), DOUBT_PAUSE_MS);
  }

  #reconsider(): void {
    this.#heldTimer = undefined;
    this.#accumulator.letGo();
    this.#due = true;
    this.#pump();
  }

  async #request(broker: number, batches: readonly RecordBatch[]): Promise<void> {
    const failed = await this.#writer.writeTogether(broker, batches);
    this.#busy.delete(broker);
    for (const batch of batches) if (!failed.includes(batch)) this.#accumulator.release(batch);
    for (const batch of failed) void this.#repeat(batch);
    this.#continue();
  }

  async #repeat(batch: RecordBatch): Promise<void> {
    await this.#writer.writeAlone(batch);
    void this.#leaders.ask(batch.topic).catch(() => undefined);
    this.#accumulator.release(batch);
    this.#continue();
  }

  #continue(): void {
    // What waited for a request to end has waited enough, unless a linger runs for newer records.
    if (!this.#due && this.#timer !== undefined) return;
    this.#due = true;
    this.#pump();
  }
}
