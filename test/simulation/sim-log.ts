import { TandemError } from '@tandem/shared/errors';
import type {
  ConsumerOptions, Delivery, EmbeddedLog, EventLog, ExclusiveWriter, LogConsumer, LogProducer, LogRecord, OutgoingRecord, ReadOptions, Tail, TailOptions,
} from '@tandem/shared/log';
import type { SimProcess } from './sim-process.ts';

/** One way through the network, ms: mostly fast. */
const FAST_MS = 4;
const SLOW_MS = 250;
const SLOW_SHARE = 0.1;
/** One in so many records is fetched later than those of other topics, ms at most. */
const LAG_SHARE = 0.05;
const LAG_MS = 1_500;
/** A leader that was suspended wakes, and has missed this much at most before it learns that another leads. */
const LONGEST_SUSPENSION_MS = 20_000;

export interface SimLogOptions {
  /** Share of transactions whose fate their writer does not learn. */
  uncertainty: number;
  /** Share of reads that meet a leader which is out of date. */
  staleReads: number;
  /** What a broken log would do with one record in twenty; a run must notice. */
  sabotage?: 'lose' | 'repeat';
}

/** The one log, as seen by one process through a network: late, and not at all by the dead. */
export class SimLog implements EventLog {
  readonly durable = true;
  readonly description = 'simulated';
  readonly #log: EmbeddedLog;
  readonly #process: SimProcess;
  readonly #options: SimLogOptions;
  #lastArrival = 0;
  #cutOff = false;

  constructor(log: EmbeddedLog, process: SimProcess, options: SimLogOptions) {
    this.#log = log;
    this.#process = process;
    this.#options = options;
  }

  get admin() {
    return this.#log.admin;
  }

  now(): number {
    return this.#process.clock.now();
  }

  async producer(): Promise<LogProducer> {
    const producer = await this.#log.producer();
    const none = () => Promise.resolve();
    return { send: (records) => this.#send(producer, records), flush: none, close: none };
  }

  consumer(options: ConsumerOptions): LogConsumer {
    const gate = this.#process.gate.bind(this.#process);
    const consumer = this.#log.consumer({
      ...options,
      onRecord: gate(this.#fetched((delivery) => options.onRecord(delivery))),
      onAssigned: gate((partitions) => options.onAssigned?.(partitions)),
      onRevoked: gate((partitions) => options.onRevoked?.(partitions)),
      onFault: gate((error) => options.onFault?.(error)),
    });
    this.#process.joined({ drop: () => consumer.drop(), evict: (rejoinAfterMs) => consumer.crash(new Error('session timed out'), rejoinAfterMs) });
    return consumer;
  }

  tail(options: TailOptions): Promise<Tail> {
    return this.#log.tail({ ...options, onRecord: this.#process.gate((record: LogRecord) => options.onRecord(record)) });
  }

  async* read(options: ReadOptions): AsyncGenerator<readonly LogRecord[]> {
    const { world } = this.#process;
    await this.#process.delay(0, this.#slowestMs());
    const to = world.chance(this.#options.staleReads) ? await this.#endAt(options, world.clock.now() - world.between(0, LONGEST_SUSPENSION_MS)) : Infinity;
    if (options.barrier !== undefined && to < options.barrier) throw behind(options.barrier);
    for await (const batch of this.#log.read({ ...options, to: Math.min(to, options.to ?? Infinity) })) {
      yield batch;
      await this.#process.delay(0, this.#slowestMs());
    }
  }

  async exclusiveWriter(name: string): Promise<ExclusiveWriter> {
    const writer = await this.#request(() => this.#log.exclusiveWriter(name));
    return {
      write: (records) => this.#transaction(name, () => writer.write(records)),
      barrier: (place) => this.#transaction(name, () => writer.barrier(place)),
      close: () => writer.close(),
    };
  }

  async close(): Promise<void> {
    // The one log goes on.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #transaction<Value>(name: string, effect: () => Promise<Value>): Promise<Value> {
    const { world } = this.#process;
    const isUncertain = world.chance(this.#options.uncertainty);
    if (isUncertain && world.chance(0.5)) throw uncertain(name);
    const value = await this.#request(effect);
    if (isUncertain) throw uncertain(name);
    return value;
  }

  /** Where the partition ended then. */
  async #endAt({ topic, partition }: ReadOptions, time: number): Promise<number> {
    let end = 0;
    for await (const batch of this.#log.read({ topic, partition })) {
      for (const { timestamp, offset } of batch) if (timestamp <= time) end = offset + 1;
    }
    return end;
  }

  /** A fetch brings what it brings: partitions are in order, but one topic may be far behind another for a while. */
  #fetched(deliver: (delivery: Delivery) => void): (delivery: Delivery) => void {
    const { world } = this.#process;
    const busyUntil = new Map<string, number>();
    const queues = new Map<string, Delivery[]>();
    return (delivery) => {
      const { topic, partition } = delivery.record;
      const place = `${topic} ${partition}`;
      const now = world.clock.now();
      const until = Math.max(busyUntil.get(place) ?? 0, world.chance(LAG_SHARE) ? now + world.between(0, LAG_MS) : now);
      busyUntil.set(place, until);
      const queue = queues.get(place) ?? [];
      queues.set(place, queue);
      queue.push(delivery);
      // Also a process that slept meanwhile gets them in their order.
      const next = () => {
        const first = queue.shift();
        if (first?.owned === true) deliver(first);
      };
      if (until <= now) next();
      else world.later(until - now, this.#process.gate(next));
    };
  }

  #slowestMs(): number {
    return this.#process.world.chance(SLOW_SHARE) ? SLOW_MS : FAST_MS;
  }

  /** Records of a process arrive in the order in which it sent them. */
  #send(producer: LogProducer, records: readonly OutgoingRecord[]): Promise<void> {
    const now = this.#process.world.clock.now();
    this.#lastArrival = Math.max(this.#lastArrival, now + this.#process.world.between(0, this.#slowestMs()));
    return this.#request(() => this.#sabotaged(producer, records), this.#lastArrival - now, () => this.#survives());
  }

  async #sabotaged(producer: LogProducer, records: readonly OutgoingRecord[]): Promise<void> {
    const { sabotage } = this.#options;
    const struck = sabotage !== undefined && this.#process.world.chance(0.05);
    if (!struck || sabotage === 'repeat') await producer.send(records);
    if (struck && sabotage === 'repeat') await producer.send(records);
  }

  #arrives(): boolean {
    return this.#process.alive || this.#process.world.chance(0.5);
  }

  /** Of what a process sends one after the other nothing arrives after something that does not. */
  #survives(): boolean {
    this.#cutOff ||= !this.#arrives();
    return !this.#cutOff;
  }

  /** What a process sent before it died may arrive, or not; what it would have been told, it never hears. */
  #request<Value>(effect: () => Promise<Value>, wayMs = this.#process.world.between(0, this.#slowestMs()), arrives = () => this.#arrives()): Promise<Value> {
    const { world } = this.#process;
    return new Promise((resolve, reject) => {
      world.later(wayMs, () => {
        if (!arrives()) return;
        const back = (settle: () => void) => world.later(world.between(0, this.#slowestMs()), this.#process.gate(settle));
        effect().then((value) => back(() => resolve(value)), (error: unknown) => back(() => reject(error instanceof Error ? error : new Error(String(error)))));
      });
    });
  }
}

function behind(barrier: number): TandemError {
  return new TandemError(`offset ${barrier} is not known to a leader of the past`, { code: 'log_behind' });
}

function uncertain(name: string): TandemError {
  return new TandemError(`${name}: the answer was lost`, { code: 'write_uncertain', retryable: true });
}
