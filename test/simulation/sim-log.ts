import { TandemError } from '@tandem/shared/errors';
import type {
  ConsumerOptions, Delivery, EmbeddedLog, EventLog, ExclusiveWriter, LogConsumer, LogProducer, LogRecord, OutgoingRecord, ReadOptions, Tail, TailOptions, Tenure,
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
  /** What a broken log would do with one record in twenty, or a member that never doubts that it is one; a run must notice. */
  sabotage?: 'lose' | 'repeat' | 'never doubt';
}

/** It polls so often what it holds back. */
const HELD_POLL_MS = 25;

/** To be written while a tenure lasts. */
interface Held {
  tenure: Tenure;
  go: () => void;
  giveUp: () => void;
}

/** The one log, as seen by one process through a network: late, and not at all by the dead. */
export class SimLog implements EventLog {
  readonly durable = true;
  readonly description = 'simulated';
  readonly #log: EmbeddedLog;
  readonly #process: SimProcess;
  readonly #options: SimLogOptions;
  /** Of all processes, the dead included. */
  readonly #peers: Set<SimLog>;
  readonly #held: Held[] = [];
  #looksAgain = false;
  #lastArrival = 0;
  #cutOff = false;

  constructor(log: EmbeddedLog, process: SimProcess, options: SimLogOptions, peers: Set<SimLog>) {
    this.#log = log;
    this.#process = process;
    this.#options = options;
    this.#peers = peers.add(this);
  }

  get admin() {
    return this.#log.admin;
  }

  keepPartitions(): void {
    // Its topics never get more.
  }

  now(): number {
    return this.#process.clock.now();
  }

  roundTripMs(): undefined {
    return undefined;
  }

  async producer(): Promise<LogProducer> {
    const producer = await this.#log.producer();
    const none = () => Promise.resolve();
    return {
      send: (records, tenure) => (tenure === undefined ? this.#send(producer, records) : this.#sendWhile(tenure, producer, records)),
      flush: none, close: none,
    };
  }

  consumer(options: ConsumerOptions): LogConsumer {
    const gate = this.#process.gate.bind(this.#process);
    /** By partition; what the process has been told. */
    const told = new Map<number, { over: boolean }>();
    const end = (number: number) => {
      const tenure = told.get(number);
      if (tenure !== undefined) tenure.over = true;
      told.delete(number);
    };
    const consumer = this.#log.consumer({
      ...options,
      onJoined: gate(() => {
        this.#process.confirmed();
        options.onJoined?.();
      }),
      onRecord: gate(this.#fetched((delivery) => options.onRecord(delivery))),
      onAssigned: gate((partitions) => options.onAssigned?.(partitions)),
      onRevoked: gate((partitions) => {
        for (const { partition } of partitions) end(partition);
        options.onRevoked?.(partitions);
      }),
      onFault: gate((error) => options.onFault?.(error)),
    });
    this.#process.joined({ drop: () => consumer.drop(), evict: (rejoinAfterMs) => consumer.crash(new Error('session timed out'), rejoinAfterMs) });
    const truth = consumer.tenure.bind(consumer);
    consumer.tenure = (number) => {
      const known = told.get(number) ?? { over: false };
      told.set(number, known);
      return this.#tenure(known, truth(number));
    };
    return consumer;
  }

  tail(options: TailOptions): Promise<Tail> {
    return this.#log.tail({ ...options, onRecord: this.#process.gate((record: LogRecord) => options.onRecord(record)) });
  }

  async* read(options: ReadOptions): AsyncGenerator<readonly LogRecord[]> {
    const { world } = this.#process;
    await this.#takenOver();
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

  /** As the process sees it, that of a real group. */
  #tenure(known: { over: boolean }, truth: Tenure): Tenure {
    const process = this.#process;
    const isReckless = this.#options.sabotage === 'never doubt';
    return {
      get state() {
        if (known.over) return 'over';
        if (isReckless) return 'certain';
        // What sleeps for less than the session is waited for before anything of its own is given away; here it is not.
        const isGivenAway = truth.state === 'over' && !process.isEvicted;
        return isGivenAway || !process.isCertain ? 'doubtful' : 'certain';
      },
    };
  }

  /** Whoever looks at what an earlier owner has written has joined and been given a record first: longer than a write's way. The dead's may be later. */
  async #takenOver(): Promise<void> {
    const { clock } = this.#process.world;
    const living = [...this.#peers].filter((peer) => peer.#process.alive);
    const restMs = Math.max(...living.map((peer) => peer.#lastArrival)) - clock.now();
    if (restMs > 0) await this.#process.delay(restMs, restMs);
  }

  #sendWhile(tenure: Tenure, producer: LogProducer, records: readonly OutgoingRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#held.push({ tenure, go: () => void this.#send(producer, records).then(resolve, reject), giveUp: () => reject(tenureOver()) });
      this.#sendHeld();
    });
  }

  /** In their order. */
  #sendHeld(): void {
    for (let first = this.#held[0]; first !== undefined && first.tenure.state !== 'doubtful'; first = this.#held[0]) {
      this.#held.shift();
      if (first.tenure.state === 'over') first.giveUp();
      else first.go();
    }
    if (this.#held.length === 0 || this.#looksAgain) return;
    this.#looksAgain = true;
    const { clock } = this.#process;
    clock.schedule(clock.now() + HELD_POLL_MS, () => {
      this.#looksAgain = false;
      this.#sendHeld();
    });
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
    const struck = (sabotage === 'lose' || sabotage === 'repeat') && this.#process.world.chance(0.05);
    if (!struck || sabotage !== 'lose') await producer.send(records);
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

function tenureOver(): TandemError {
  return new TandemError('another has had the partition', { code: 'tenure_over' });
}

function uncertain(name: string): TandemError {
  return new TandemError(`${name}: the answer was lost`, { code: 'write_uncertain', retryable: true });
}
