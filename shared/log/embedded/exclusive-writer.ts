import { producerClosed, unknownPartition, writerFenced } from '../errors.ts';
import type { ExclusiveWriter, OutgoingRecord, TopicPartition } from '../types.ts';
import type { EmbeddedProducer } from './producer.ts';
import type { Store } from './store.ts';

/** Appends a batch within one turn of the event loop, so all or nothing, while no later writer has its name. */
export class EmbeddedExclusiveWriter implements ExclusiveWriter {
  readonly #store: Store;
  readonly #producer: EmbeddedProducer;
  readonly #name: string;
  readonly #epoch: number;
  #closed = false;

  constructor(store: Store, producer: EmbeddedProducer, name: string) {
    this.#store = store;
    this.#producer = producer;
    this.#name = name;
    this.#epoch = (store.writerEpochs.get(name) ?? 0) + 1;
    store.writerEpochs.set(name, this.#epoch);
  }

  async write(records: readonly OutgoingRecord[]): Promise<void> {
    this.#check();
    await this.#producer.sendAllOrNothing(records);
  }

  async barrier({ topic, partition }: TopicPartition): Promise<number> {
    this.#check();
    const { partitions } = this.#store.topic(topic);
    const log = partitions[partition];
    if (log === undefined) throw unknownPartition(topic, partition, partitions.length);
    return log.latest;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #check(): void {
    if (this.#closed) throw producerClosed();
    if (this.#store.writerEpochs.get(this.#name) !== this.#epoch) throw writerFenced(this.#name);
  }
}
