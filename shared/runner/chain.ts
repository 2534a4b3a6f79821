import { HEADER } from '@tandem/schemas';
import { partitionOfKey, type LogRecord, type Tenure, type TopicPartition } from '../log/index.ts';
import { currentSpan, type CounterSeries, type Metrics, type Tracing } from '../telemetry/index.ts';
import { outputHeaders, withHeaders } from './headers.ts';
import { HandedOver, JsonOutput } from './json-records.ts';
import { Lineage } from './lineage.ts';
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

/** A stage that reads a topic. */
interface Reader {
  stage: Stage;
  /** Of that topic, in memory. */
  handedOver: CounterSeries;
}

type Handled = readonly StageOutput[] | Promise<readonly StageOutput[]>;

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
  readonly #readers: ReadonlyMap<string, readonly Reader[]>;
  readonly #handsOver: ReadonlySet<string>;
  /** Records that a stage has been handed and not done with. */
  readonly #held = new Map<Stage, number>();

  /** @param stages in the order of the flow */
  constructor(stages: readonly Stage[], options: ChainOptions) {
    const names = stages.map(({ name }) => name);
    this.name = names[0] ?? 'classifier';
    this.#stages = stages;
    this.#options = options;
    this.#readers = readersByTopic(stages, options.metrics);
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
    return Lineage.of(context, (lineage) => this.#deliver(record, lineage));
  }

  /** What is put off in a chain is found by the stages apart, and the other way round. */
  retriesAs(topic: string): StageName {
    return this.#readers.get(topic)?.at(-1)?.stage.name ?? this.name;
  }

  deadlineOf(record: LogRecord): number | undefined {
    return this.#first(record)?.deadlineOf?.(record);
  }

  onAssigned(partitions: readonly TopicPartition[], tenureOf?: (partition: number) => Tenure): void {
    for (const stage of this.#stages) {
      const own = [...ownOf(stage, partitions), ...this.#handedTo(stage, partitions)];
      if (own.length > 0) stage.onAssigned?.(own, tenureOf);
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

  #deliver(record: LogRecord, lineage: Lineage): void {
    for (const reader of this.#readers.get(record.topic) ?? []) this.#through(reader, record, lineage);
  }

  #through({ stage, handedOver }: Reader, record: LogRecord, lineage: Lineage): void {
    if (!(record instanceof HandedOver)) return this.#fromLog(stage, record, lineage);
    handedOver.add();
    if (this.#options.tracing.isOn) this.#traced(stage, record, record.headers, lineage);
    else this.#settle(stage, stage.handle(record, lineage.context), record, record.headers, lineage);
  }

  /** The runner has begun a span for the one that the record is put off for; another that reads it too gets one of its own. */
  #fromLog(stage: Stage, record: LogRecord, lineage: Lineage): void {
    const headers = this.#headersOf(record);
    if (this.#options.tracing.isOn && stage.name !== this.retriesAs(record.topic)) this.#traced(stage, record, headers, lineage);
    else this.#settle(stage, stage.handle(record, lineage.context), record, headers, lineage);
  }

  /** Its span lasts until everything is durable that it leads to. */
  #traced(stage: Stage, record: LogRecord, parent: LogRecord['headers'], lineage: Lineage): void {
    const { tracing } = this.#options;
    const { context } = lineage;
    // What has been handed over has its ordinal too.
    const span = tracing.start(stage.name, record.topic, parent, record);
    // Not sampled: it is handled as without tracing.
    if (span === undefined) return this.#settle(stage, stage.handle(record, context), record, parent, lineage);
    const headers = { ...parent, ...span.headers };
    try {
      const done = Lineage.of(context, (own) => this.#settle(stage, tracing.run(span, () => stage.handle(record, context)), record, headers, own));
      if (!(done instanceof Promise)) return span.end();
      done.then(() => span.end(), (error: unknown) => span.end(error));
      lineage.follow(done);
    } catch (error) {
      span.end(error);
      throw error;
    }
  }

  /** The runner has begun the span of what comes from the log. */
  #headersOf({ headers }: LogRecord): LogRecord['headers'] {
    const span = this.#options.tracing.isOn ? currentSpan() : undefined;
    return span === undefined ? headers : { ...headers, ...span.headers };
  }

  #settle(stage: Stage, outputs: Handled, record: LogRecord, headers: LogRecord['headers'], lineage: Lineage): void {
    if (!(outputs instanceof Promise)) return this.#pass(outputs, record, headers, lineage);
    const isHanded = record instanceof HandedOver;
    if (isHanded) this.#hold(stage, 1);
    lineage.follow(outputs, (all) => this.#pass(all, record, headers, lineage), isHanded ? () => this.#hold(stage, -1) : undefined);
  }

  #hold(stage: Stage, change: 1 | -1): void {
    this.#held.set(stage, (this.#held.get(stage) ?? 0) + change);
  }

  #pass(outputs: readonly StageOutput[], origin: LogRecord, input: LogRecord['headers'], lineage: Lineage): void {
    if (outputs.length === 0) return;
    // Its own headers are such as outputs carry, unless it has been given a span.
    const headers = origin instanceof HandedOver && input === origin.headers ? input : outputHeaders(input, undefined);
    const source = this.#sourceOf(origin);
    const written: StageOutput[] = [];
    for (let ordinal = 0; ordinal < outputs.length; ordinal += 1) {
      const output = outputs[ordinal]!;
      if (this.#isHandedOver(output, origin)) this.#deliver(new HandedOver(output, source, headers, ordinal), lineage);
      else written.push(withHeaders(output, this.#handsOver.has(output.topic) ? { ...headers, [HEADER.originTime]: String(source.timestamp) } : headers));
    }
    if (written.length > 0) lineage.follow(lineage.context.publish(written));
  }

  /** What was written only to change its partition counts as of what led to it. */
  #sourceOf(record: LogRecord): LogRecord {
    const time = Number(record instanceof HandedOver || !this.#handsOver.has(record.topic) ? undefined : record.headers[HEADER.originTime]);
    if (!Number.isFinite(time)) return record;
    const { topic, partition, offset, key, value, headers } = record;
    return { topic, partition, offset, key, value, headers, timestamp: time };
  }

  #isHandedOver(output: StageOutput, origin: LogRecord): output is JsonOutput {
    return output instanceof JsonOutput && this.#handsOver.has(output.topic) && this.#isInPartition(output.key, origin);
  }

  /** What has been handed over lies in the partition of its key. */
  #isInPartition(key: string, origin: LogRecord): boolean {
    if (origin instanceof HandedOver && origin.key === key) return true;
    return partitionOfKey(key, this.#options.partitions) === origin.partition;
  }

  /** What it has let go of leads to more, perhaps for itself: that takes a turn. */
  async #stillHolds(stage: Stage): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve));
    return stage.drain !== undefined && !isLast(this.#stages, stage) && (this.#held.get(stage) ?? 0) > 0;
  }

  #first(record: LogRecord): Stage | undefined {
    return this.#readers.get(record.topic)?.[0]?.stage;
  }

  /** Partitions of topics that come to the stage in memory, wherever the chain's own partitions are assigned. */
  #handedTo(stage: Stage, partitions: readonly TopicPartition[]): TopicPartition[] {
    const shared = this.inputs.filter(({ ownGroup }) => ownGroup !== true).flatMap(({ topics }) => topics);
    const numbers = new Set(partitions.filter(({ topic }) => shared.includes(topic)).map(({ partition }) => partition));
    const topics = topicsOf(stage).filter((topic) => this.#handsOver.has(topic) && !shared.includes(topic));
    return topics.flatMap((topic) => [...numbers].map((partition) => ({ topic, partition })));
  }
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

function readersByTopic(stages: readonly Stage[], { records }: ChainOptions['metrics']): Map<string, Reader[]> {
  const readers = new Map<string, Reader[]>();
  for (const stage of stages.toReversed()) {
    for (const topic of topicsOf(stage)) {
      const handedOver = records.series({ stage: stage.name, topic, result: 'handed_over' });
      readers.set(topic, [...(readers.get(topic) ?? []), { stage, handedOver }]);
    }
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
