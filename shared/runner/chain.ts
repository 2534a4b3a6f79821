import { HEADER } from '@tandem/schemas';
import { partitionOfKey, type LogRecord, type TopicPartition } from '../log/index.ts';
import { currentSpan, type Metrics, type Tracing } from '../telemetry/index.ts';
import { outputHeaders, withHeaders } from './headers.ts';
import { HandedOver, JsonOutput } from './json-records.ts';
import type { Intake, Stage, StageContext, StageInput, StageName, StageOutput } from './types.ts';

/** What decides whether a record is handed over in memory. */
export interface ChainOptions {
  /** Of every topic of the flow. */
  partitions: number;
  /** All stages that read a topic of the flow, by the topic's full name: it is handed over only where all of them are in the chain. */
  readersOf: (topic: string) => readonly StageName[];
  metrics: Pick<Metrics, 'records'>;
  tracing: Tracing;
}

type Handled = readonly StageOutput[] | Promise<readonly StageOutput[]>;

const NOTHING: readonly StageOutput[] = [];

/** The consumer group of a chain: one for all its stages, so that a partition number of all their topics is with one process. */
export function chainGroup(names: readonly StageName[]): string {
  return names.join('+');
}

/** The stages that read in a group of that name (without prefix), if it is a stage's or a chain's. */
export function stagesOfGroup(group: string): string[] {
  return group.split('+');
}

/**
 * Several stages as one: what one writes is handed to the next in memory instead of through the log, as Flink chains
 * operators. The runner acknowledges a record when everything that it led to is durable, so nothing is lost: what is
 * handed over has an origin in the log that is delivered again.
 *
 * A record is handed over only within the partition of its origin. What has to move to another partition (a request whose
 * sender keyed it otherwise than by its affinity key) goes through the log, so that keys are where they would be without a
 * chain. Within a chain an object is shared, not copied: no stage may change what it has been handed.
 */
export class Chain implements Stage {
  readonly name: StageName;
  readonly inputs: readonly StageInput[];
  readonly #stages: readonly Stage[];
  readonly #options: ChainOptions;
  /** By topic; later stages first: fusion knows a request before the scheduler has it done. */
  readonly #readers: ReadonlyMap<string, readonly Stage[]>;
  readonly #handsOver: ReadonlySet<string>;
  /** Records that a stage has been handed and not done with. */
  readonly #held = new Map<Stage, number>();

  /** @param stages in the order of the flow */
  constructor(stages: readonly Stage[], options: ChainOptions) {
    const names = stages.map(({ name }) => name);
    this.name = names[0] ?? 'classifier';
    this.#stages = stages;
    this.#options = options;
    this.#readers = readersByTopic(stages);
    this.#handsOver = new Set([...this.#readers.keys()].filter((topic) => options.readersOf(topic).every((name) => names.includes(name))));
    this.inputs = chainedInputs(stages);
  }

  attach(intake: Intake): void {
    for (const stage of this.#stages) stage.attach?.(intake);
  }

  async start(context: StageContext): Promise<void> {
    for (const stage of this.#stages.toReversed()) await stage.start?.(context);
  }

  /** Resolves when everything is durable that the record leads to. */
  handle(record: LogRecord, context: StageContext): Handled {
    const done = this.#deliver(record, context);
    return done === undefined ? NOTHING : done.then(() => NOTHING);
  }

  /** What is put off in a chain is found by the stages apart, and the other way round. */
  retriesAs(topic: string): StageName {
    return this.#readers.get(topic)?.at(-1)?.name ?? this.name;
  }

  orderOf(record: LogRecord): string | undefined {
    return this.#first(record)?.orderOf?.(record);
  }

  deadlineOf(record: LogRecord): number | undefined {
    return this.#first(record)?.deadlineOf?.(record);
  }

  onAssigned(partitions: readonly TopicPartition[]): void {
    for (const stage of this.#stages) {
      const own = [...ownOf(stage, partitions), ...this.#handedTo(stage, partitions)];
      if (own.length > 0) stage.onAssigned?.(own);
    }
  }

  onRevoked(partitions: readonly TopicPartition[]): void {
    for (const stage of this.#stages) {
      const own = ownOf(stage, partitions);
      if (own.length > 0) stage.onRevoked?.(own);
    }
  }

  /** In the order of the flow, each when it has done what those before it have handed to it. */
  async drain(): Promise<void> {
    for (const stage of this.#stages) {
      do await stage.drain?.();
      while (await this.#stillHolds(stage));
    }
  }

  async stop(): Promise<void> {
    for (const stage of this.#stages) await stage.stop?.();
  }

  /** Undefined: all of it is done. */
  #deliver(record: LogRecord, context: StageContext): Promise<unknown> | undefined {
    const waits: Promise<unknown>[] = [];
    try {
      for (const stage of this.#readers.get(record.topic) ?? []) {
        const wait = this.#through(stage, record, context);
        if (wait !== undefined) waits.push(wait);
      }
    } catch (error) {
      if (waits.length === 0) throw error;
      // Together with the others: none of them may fail unheard.
      waits.push(failing(error));
    }
    return waits.length === 0 ? undefined : Promise.all(waits);
  }

  #through(stage: Stage, record: LogRecord, context: StageContext): Promise<unknown> | undefined {
    if (!(record instanceof HandedOver)) return this.#fromLog(stage, record, context);
    const { tracing, metrics } = this.#options;
    metrics.records.inc({ stage: stage.name, topic: record.topic, result: 'handed_over' });
    const handle = () => this.#counted(stage, stage.handle(record, context));
    if (!tracing.isOn) return this.#settle(handle(), record, record.headers, context);
    return this.#traced(stage, record, record.headers, context, handle);
  }

  /** The runner has begun a span for the one that the record is put off for; another that reads it too gets one of its own. */
  #fromLog(stage: Stage, record: LogRecord, context: StageContext): Promise<unknown> | undefined {
    const headers = this.#headersOf(record);
    if (!this.#options.tracing.isOn || stage.name === this.retriesAs(record.topic)) return this.#settle(stage.handle(record, context), record, headers, context);
    return this.#traced(stage, record, headers, context, () => stage.handle(record, context));
  }

  #traced(stage: Stage, record: LogRecord, parent: LogRecord['headers'], context: StageContext, handle: () => Handled): Promise<unknown> | undefined {
    const { tracing } = this.#options;
    const { topic, partition, offset, timestamp } = record;
    const span = tracing.start(stage.name, topic, parent, { partition, offset, timestamp, ordinal: record instanceof HandedOver ? record.ordinal : 0 });
    const headers = span === undefined ? parent : { ...parent, ...span.headers };
    try {
      const done = this.#settle(tracing.run(span, handle), record, headers, context);
      if (span !== undefined) (done ?? Promise.resolve()).then(() => span.end(), (error: unknown) => span.end(error));
      return done;
    } catch (error) {
      span?.end(error);
      throw error;
    }
  }

  /** The runner has begun the span of what comes from the log. */
  #headersOf({ headers }: LogRecord): LogRecord['headers'] {
    const span = this.#options.tracing.isOn ? currentSpan() : undefined;
    return span === undefined ? headers : { ...headers, ...span.headers };
  }

  #settle(outputs: Handled, record: LogRecord, headers: LogRecord['headers'], context: StageContext): Promise<unknown> | undefined {
    if (!(outputs instanceof Promise)) return this.#pass(outputs, record, headers, context);
    return outputs.then((all) => this.#pass(all, record, headers, context));
  }

  #pass(outputs: readonly StageOutput[], origin: LogRecord, input: LogRecord['headers'], context: StageContext): Promise<unknown> | undefined {
    if (outputs.length === 0) return undefined;
    const headers = outputHeaders(input, undefined);
    const source = this.#sourceOf(origin);
    const waits: Promise<unknown>[] = [];
    const written: StageOutput[] = [];
    for (const [ordinal, output] of outputs.entries()) {
      if (!this.#isHandedOver(output, origin)) {
        written.push(withHeaders(output, this.#handsOver.has(output.topic) ? { ...headers, [HEADER.originTime]: String(source.timestamp) } : headers));
        continue;
      }
      const wait = this.#deliver(new HandedOver(output, source, headers, ordinal), context);
      if (wait !== undefined) waits.push(wait);
    }
    if (written.length > 0) waits.push(context.publish(written));
    return waits.length > 1 ? Promise.all(waits) : waits[0];
  }

  /** What was written only to change its partition counts as of what led to it. */
  #sourceOf(record: LogRecord): LogRecord {
    const time = Number(record instanceof HandedOver || !this.#handsOver.has(record.topic) ? undefined : record.headers[HEADER.originTime]);
    if (!Number.isFinite(time)) return record;
    const { topic, partition, offset, key, value, headers } = record;
    return { topic, partition, offset, key, value, headers, timestamp: time };
  }

  #isHandedOver(output: StageOutput, { partition }: LogRecord): output is JsonOutput {
    return output instanceof JsonOutput && this.#handsOver.has(output.topic) && partitionOfKey(output.key, this.#options.partitions) === partition;
  }

  #counted(stage: Stage, outputs: Handled): Handled {
    if (!(outputs instanceof Promise)) return outputs;
    this.#held.set(stage, (this.#held.get(stage) ?? 0) + 1);
    const done = () => this.#held.set(stage, (this.#held.get(stage) ?? 1) - 1);
    void outputs.then(done, done);
    return outputs;
  }

  /** What it has let go of leads to more, perhaps for itself: that takes a turn. */
  async #stillHolds(stage: Stage): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve));
    return stage.drain !== undefined && !isLast(this.#stages, stage) && (this.#held.get(stage) ?? 0) > 0;
  }

  #first(record: LogRecord): Stage | undefined {
    return this.#readers.get(record.topic)?.[0];
  }

  /** Partitions of topics that come to the stage in memory, wherever the chain's own partitions are assigned. */
  #handedTo(stage: Stage, partitions: readonly TopicPartition[]): TopicPartition[] {
    const shared = this.inputs.filter(({ ownGroup }) => ownGroup !== true).flatMap(({ topics }) => topics);
    const numbers = new Set(partitions.filter(({ topic }) => shared.includes(topic)).map(({ partition }) => partition));
    const topics = topicsOf(stage).filter((topic) => this.#handsOver.has(topic) && !shared.includes(topic));
    return topics.flatMap((topic) => [...numbers].map((partition) => ({ topic, partition })));
  }
}

async function failing(error: unknown): Promise<never> {
  throw error;
}

function topicsOf({ inputs }: Stage): string[] {
  return inputs.flatMap(({ topics }) => topics);
}

function ownOf(stage: Stage, partitions: readonly TopicPartition[]): TopicPartition[] {
  const topics = topicsOf(stage);
  return partitions.filter(({ topic }) => topics.includes(topic));
}

function isLast(stages: readonly Stage[], stage: Stage): boolean {
  return stages.at(-1) === stage;
}

function readersByTopic(stages: readonly Stage[]): Map<string, Stage[]> {
  const readers = new Map<string, Stage[]>();
  for (const stage of stages.toReversed()) {
    for (const topic of topicsOf(stage)) readers.set(topic, [...(readers.get(topic) ?? []), stage]);
  }
  return readers;
}

/** Those that share partitions with other stages of the chain read them in one group; the others keep theirs. */
function chainedInputs(stages: readonly Stage[]): StageInput[] {
  const inputs = stages.flatMap(({ name, inputs: own }) => own.map((input): StageInput => ({ ...input, retriesOf: input.retriesOf ?? [name] })));
  const shared = inputs.filter(({ ownGroup }) => ownGroup !== true);
  const topics = [...new Set(shared.flatMap((input) => input.topics))];
  const bounds = shared.flatMap(({ maxInFlight }) => maxInFlight ?? []);
  const retriesOf = [...new Set(shared.flatMap((input) => input.retriesOf ?? []))];
  const together: StageInput = { group: chainGroup(stages.map(({ name }) => name)), topics, retriesOf, ...(bounds.length === 0 ? {} : { maxInFlight: Math.max(...bounds) }) };
  return [together, ...inputs.filter(({ ownGroup }) => ownGroup === true)];
}
