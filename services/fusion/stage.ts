import { topicName } from '@tandem/schemas';
import type { LogRecord, Tenure, TopicPartition } from '@tandem/shared/log';
import type { Stage, StageContext, StageInput } from '@tandem/shared/runner';
import { resolveFusionOptions, type FusionOptions, type ResolvedFusionOptions } from './options.ts';
import { Partition, type Answer } from './partition.ts';

class Fusion implements Stage {
  readonly name = 'fusion';
  readonly inputs: readonly StageInput[];
  readonly #options: ResolvedFusionOptions;
  readonly #partitions = new Map<number, Partition>();
  #context: StageContext | undefined;

  constructor(options: FusionOptions) {
    this.#options = resolveFusionOptions(options);
    const { prefix, maxInFlight } = this.#options;
    this.inputs = [{ group: 'fusion', topics: [topicName(prefix, 'tasks'), topicName(prefix, 'outcomes')], maxInFlight }];
  }

  async start(context: StageContext): Promise<void> {
    this.#context = context;
  }

  /** A record of a partition that is not ours (any more) comes to whoever has it. */
  handle(record: LogRecord): Answer {
    return this.#partitions.get(record.partition)?.handle(record) ?? [];
  }

  onAssigned(partitions: readonly TopicPartition[], tenureOf?: (partition: number) => Tenure): void {
    for (const number of numbersOf(partitions)) {
      if (!this.#partitions.has(number)) this.#partitions.set(number, this.#open(number, () => tenureOf?.(number)));
    }
  }

  onRevoked(partitions: readonly TopicPartition[]): void {
    for (const number of numbersOf(partitions)) {
      void this.#partitions.get(number)?.close();
      this.#partitions.delete(number);
    }
  }

  async drain(): Promise<void> {
    for (const partition of this.#partitions.values()) partition.handBack();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#partitions.values()].map((partition) => partition.close()));
    this.#partitions.clear();
  }

  #open(number: number, tenure: () => Tenure | undefined): Partition {
    const maxEntries = () => this.#options.answeredMaxEntries / Math.max(1, this.#partitions.size);
    return new Partition(number, this.#options, { publish: (...outputs) => this.#publish(...outputs), maxEntries, tenure });
  }

  #publish(...[outputs, tenure]: Parameters<StageContext['publish']>): Promise<void> {
    if (this.#context === undefined) throw new Error('the stage has not been started');
    return this.#context.publish(outputs, tenure);
  }
}

function numbersOf(partitions: readonly TopicPartition[]): Set<number> {
  return new Set(partitions.map(({ partition }) => partition));
}

/** Joins the outcomes of each request by its plan: exactly one final response by the deadline, complete or degraded. */
export function createFusionStage(options: FusionOptions): Stage {
  return new Fusion(options);
}
