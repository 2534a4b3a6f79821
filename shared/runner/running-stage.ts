import { topicName, type ErrorCode } from '@tandem/schemas';
import { wait } from '../clock/index.ts';
import { Lifecycle, type LifecycleState } from '../lifecycle/index.ts';
import type { Delivery, LogConsumer, TopicPartition } from '../log/index.ts';
import { withDefaults, type CompleteOptions } from './defaults.ts';
import type { RunnerOptions } from './options.ts';
import { RecordHandler } from './record-handler.ts';
import { IntakeHolds } from './intake-holds.ts';
import { within } from './retry.ts';
import { retryTopic } from './retry-record.ts';
import type { Stage, StageInput } from './types.ts';

const DRAIN_POLL_MS = 10;
const GAUGE_INTERVAL_MS = 1_000;
/** Codes of dead letters that are no sender's doing. */
const ALARMING: readonly ErrorCode[] = ['internal', 'model_crash', 'invalid_record'];

/** One stage under the runner: see Stage for what it promises. */
export class RunningStage {
  readonly #stage: Stage;
  readonly #options: CompleteOptions;
  readonly #handler: RecordHandler;
  /** Their numbers of partitions are those of the stage's own topics. */
  readonly #retryTopics: readonly string[];
  readonly #consumers: { group: string; topics: readonly string[]; consumer: LogConsumer }[];
  readonly #lifecycle = new Lifecycle();
  readonly #holds = new IntakeHolds(() => this.#consumers.map(({ consumer }) => consumer));
  #cancelGauges: () => void = () => undefined;
  #stopping: Promise<void> | undefined;
  #retriesPaused = false;

  private constructor(stage: Stage, options: RunnerOptions) {
    this.#stage = stage;
    this.#options = withDefaults(options);
    this.#retryTopics = [...new Set(stage.inputs.flatMap((input) => this.#retryTopicsOf(input)))];
    this.#handler = new RecordHandler(stage, this.#options, () => this.state);
    this.#consumers = stage.inputs.map((input) => ({ group: input.group, topics: input.topics, consumer: this.#consume(input) }));
  }

  static async start(stage: Stage, options: RunnerOptions): Promise<RunningStage> {
    const running = new RunningStage(stage, options);
    stage.attach?.({
      pause: (topics) => running.#holds.pause(topics),
      resume: (topics) => running.#holds.resume(topics),
      lag: (topic) => running.#consumers.reduce((sum, { consumer }) => sum + consumer.lag(topic), 0),
    });
    running.holdBack(running.#options.heldBack);
    await stage.start?.(running.#handler.context);
    await Promise.all(running.#consumers.map(({ consumer }) => consumer.start()));
    running.#lifecycle.to('running');
    running.#beginCounts();
    running.#reportGauges();
    return running;
  }

  get name(): string {
    return this.#stage.name;
  }

  get state(): LifecycleState {
    return this.#lifecycle.state;
  }

  /** Delivered, not acknowledged. */
  get inFlight(): number {
    return this.#consumers.reduce((sum, { consumer }) => sum + consumer.inFlight, 0);
  }

  /**
   * From now on nothing of these topics (full names), and of these only, is taken in, whatever the stage itself pauses and
   * resumes. What it has is finished; the rest waits in the log.
   */
  holdBack(topics: readonly string[]): void {
    this.#holds.hold(topics);
  }

  /** Stops intake, finishes what is in flight within `drainTimeoutMs`, commits, closes. What is left is redelivered. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  #consume(input: StageInput): LogConsumer {
    const { log, prefix, logger, metrics, tracing, commitIntervalMs } = this.#options;
    const consumer: LogConsumer = log.consumer({
      groupId: prefix + input.group,
      // In the stage's own group: a partition number is with one member, whichever of its topics it is of.
      topics: [...input.topics, ...this.#retryTopicsOf(input)],
      commitIntervalMs,
      ...(tracing.isOn ? { beforeCommit: () => tracing.flush() } : {}),
      ...(input.startFrom === undefined ? {} : { startFrom: input.startFrom }),
      ...(input.maxInFlight === undefined ? {} : { maxInFlight: input.maxInFlight }),
      onRecord: (delivery) => {
        if (this.#retryTopics.includes(delivery.record.topic)) this.#retry(delivery, input);
        else this.#handler.accept(delivery);
      },
      onJoined: () => metrics.rebalances.inc({ stage: this.#stage.name, group: input.group }),
      onAssigned: (partitions) => this.#assigned(partitions, consumer),
      onRevoked: (partitions) => this.#revoked(partitions),
      onFault: (error) => {
        metrics.faults.inc({ stage: this.#stage.name });
        logger.warn({ err: error, group: input.group }, 'consumer failed; restarting it');
      },
    });
    return consumer;
  }

  #retryTopicsOf({ retriesOf = [this.#stage.name] }: StageInput): string[] {
    return retriesOf.map((name) => retryTopic(this.#options.prefix, name));
  }

  #retry(delivery: Delivery, { topics }: StageInput): void {
    this.#handler.acceptRetry(delivery, topics, () => this.#setRetries());
    this.#setRetries();
  }

  /** What does not fit here waits in the log. */
  #setRetries(): void {
    if (this.#handler.full === this.#retriesPaused) return;
    this.#retriesPaused = this.#handler.full;
    for (const { consumer } of this.#consumers) {
      if (this.#retriesPaused) consumer.pause(this.#retryTopics);
      else consumer.resume(this.#retryTopics);
    }
  }

  /** Stages know nothing of retry topics. */
  #ownTopics(partitions: readonly TopicPartition[]): readonly TopicPartition[] {
    return partitions.filter(({ topic }) => !this.#retryTopics.includes(topic));
  }

  #assigned(partitions: readonly TopicPartition[], consumer: LogConsumer): void {
    const own = this.#ownTopics(partitions);
    if (own.length > 0) this.#stage.onAssigned?.(own, (partition) => consumer.tenure(partition));
  }

  #revoked(partitions: readonly TopicPartition[]): void {
    this.#handler.sweep();
    const own = this.#ownTopics(partitions);
    if (own.length > 0) this.#stage.onRevoked?.(own);
  }

  /** An alarm on an increase does not see the first of something that was never 0. */
  #beginCounts(): void {
    const { metrics } = this.#options;
    const stage = this.#stage.name;
    metrics.faults.inc({ stage }, 0);
    metrics.retries.inc({ stage }, 0);
    for (const code of ALARMING) metrics.deadLetters.inc({ stage, code }, 0);
  }

  #reportGauges(): void {
    const { clock, metrics } = this.#options;
    const stage = this.#stage.name;
    metrics.inFlight.set({ stage }, this.inFlight);
    for (const { group, topics, consumer } of this.#consumers) {
      const bulk = sum(topics.filter((topic) => this.#isBulk(topic)).map((topic) => consumer.lag(topic)));
      metrics.lag.set({ stage, group, lane: 'bulk' }, bulk);
      metrics.lag.set({ stage, group, lane: 'interactive' }, consumer.lag() - bulk);
      metrics.assignedPartitions.set({ stage, group }, consumer.assignment.length);
    }
    this.#cancelGauges = clock.schedule(clock.now() + GAUGE_INTERVAL_MS, () => this.#reportGauges());
  }

  /** A backlog there is as it should be: it waits for what the others leave. */
  #isBulk(topic: string): boolean {
    const { prefix } = this.#options;
    return topic === topicName(prefix, 'requests.bulk') || topic.startsWith(`${prefix}bulk.`);
  }

  async #stop(): Promise<void> {
    this.#lifecycle.to('draining');
    for (const { consumer } of this.#consumers) consumer.stopDelivering();
    this.#handler.stopWaiting();
    const finished = this.#drained();
    await Promise.race([this.#stage.drain?.(), finished]);
    await finished;
    this.#cancelGauges();
    await Promise.all(this.#consumers.map(({ consumer }) => consumer.close()));
    this.#lifecycle.to('stopped');
    await this.#stage.stop?.();
    const { clock, drainTimeoutMs, producer } = this.#options;
    await within(clock, drainTimeoutMs, producer.flush());
  }

  /** In flight, and worked on. */
  get #busy(): number {
    return this.inFlight - this.#handler.idle;
  }

  async #drained(): Promise<void> {
    const { clock, drainTimeoutMs, logger } = this.#options;
    const until = clock.now() + drainTimeoutMs;
    while (this.#busy > 0 && clock.now() < until) await wait(clock, DRAIN_POLL_MS);
    if (this.#busy > 0) {
      logger.warn({ inFlight: this.#busy }, 'drain timed out; the rest is redelivered to others');
    }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
