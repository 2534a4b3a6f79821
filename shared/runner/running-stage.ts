import type { ErrorCode } from '@tandem/schemas';
import { RecordError, isRetryable, messageOf } from '../errors/index.ts';
import { Lifecycle, type LifecycleState } from '../lifecycle/index.ts';
import type { Delivery, Headers, LogConsumer, LogProducer } from '../log/index.ts';
import type { RecordSpan } from '../telemetry/index.ts';
import { deadLetter } from './dead-letter.ts';
import { outputHeaders, withHeaders } from './headers.ts';
import { RUNNER_DEFAULTS, type RunnerOptions } from './options.ts';
import { pauseMs, wait, within } from './retry.ts';
import type { Stage, StageContext, StageInput, StageOutput } from './types.ts';

const DRAIN_POLL_MS = 10;
const GAUGE_INTERVAL_MS = 1_000;

interface Attempt {
  delivery: Delivery;
  number: number;
  startedAt: number;
  span: RecordSpan | undefined;
}

/** One stage under the runner: see Stage for what it promises. */
export class RunningStage {
  readonly #stage: Stage;
  readonly #options: Required<RunnerOptions>;
  readonly #producer: LogProducer;
  readonly #consumers: { group: string; consumer: LogConsumer }[];
  readonly #context: StageContext;
  readonly #lifecycle = new Lifecycle();
  #cancelGauges: () => void = () => undefined;
  #stopping: Promise<void> | undefined;

  private constructor(stage: Stage, options: RunnerOptions) {
    this.#stage = stage;
    this.#options = { ...RUNNER_DEFAULTS, random: Math.random, ...options };
    this.#producer = options.producer;
    this.#context = { publish: (outputs) => this.#publish(outputs) };
    this.#consumers = stage.inputs.map((input) => ({ group: input.group, consumer: this.#consume(input) }));
  }

  static async start(stage: Stage, options: RunnerOptions): Promise<RunningStage> {
    const running = new RunningStage(stage, options);
    stage.attach?.({
      pause: (topics) => running.#consumers.forEach(({ consumer }) => consumer.pause(topics)),
      resume: (topics) => running.#consumers.forEach(({ consumer }) => consumer.resume(topics)),
    });
    await stage.start?.(running.#context);
    await Promise.all(running.#consumers.map(({ consumer }) => consumer.start()));
    running.#lifecycle.to('running');
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

  /** Stops intake, finishes what is in flight within `drainTimeoutMs`, commits, closes. What is left is redelivered. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  #consume(input: StageInput): LogConsumer {
    const { log, prefix, logger, metrics, commitIntervalMs } = this.#options;
    return log.consumer({
      groupId: prefix + input.group,
      topics: input.topics,
      commitIntervalMs,
      ...(input.startFrom === undefined ? {} : { startFrom: input.startFrom }),
      ...(input.maxInFlight === undefined ? {} : { maxInFlight: input.maxInFlight }),
      onRecord: (delivery) => this.#first(delivery),
      onAssigned: (partitions) => this.#stage.onAssigned?.(partitions),
      onRevoked: (partitions) => this.#stage.onRevoked?.(partitions),
      onFault: (error) => {
        metrics.faults.inc({ stage: this.#stage.name });
        logger.warn({ err: error, group: input.group }, 'consumer failed; restarting it');
      },
    });
  }

  #first(delivery: Delivery): void {
    const { clock, tracing } = this.#options;
    const { topic, headers } = delivery.record;
    const span = tracing.start(this.#stage.name, topic, headers);
    this.#try({ delivery, number: 1, startedAt: clock.now(), span });
  }

  /** Synchronous stages stay synchronous: no promise per record until something is really awaited. */
  #try(attempt: Attempt): void {
    try {
      const outputs = this.#stage.handle(attempt.delivery.record, this.#context);
      if (outputs instanceof Promise) outputs.then((all) => this.#emit(attempt, all)).catch((error: unknown) => this.#failed(attempt, error));
      else this.#emit(attempt, outputs);
    } catch (error) {
      this.#failed(attempt, error);
    }
  }

  #emit(attempt: Attempt, outputs: readonly StageOutput[]): void {
    if (outputs.length === 0) return this.#done(attempt, 'handled');
    const carried = outputHeaders(attempt.delivery.record.headers, attempt.span?.headers);
    this.#write(outputs.map((output) => withHeaders(output, carried))).then(
      () => this.#done(attempt, 'handled'),
      (error: unknown) => this.#failed(attempt, error),
    );
  }

  #failed(attempt: Attempt, error: unknown): void {
    if (this.state === 'stopped') return;
    const { maxAttempts, retryBaseMs, random, clock } = this.#options;
    if (isRetryable(error) && attempt.number < maxAttempts) {
      const delayMs = pauseMs(attempt.number, retryBaseMs, random);
      clock.schedule(clock.now() + delayMs, () => this.#try({ ...attempt, number: attempt.number + 1 }));
      return;
    }
    this.#bury(attempt, error);
  }

  #bury(attempt: Attempt, error: unknown): void {
    const { prefix, clock, logger, metrics } = this.#options;
    const code: ErrorCode = error instanceof RecordError ? error.code : 'internal';
    const { record } = attempt.delivery;
    const at = { topic: record.topic, partition: record.partition, offset: record.offset };
    if (code === 'internal') logger.error({ err: error, ...at }, 'a record failed; it is put on the dead letters');
    else logger.debug({ code, ...at }, 'dead letter');
    metrics.deadLetters.inc({ stage: this.#stage.name, code });
    const cause = { stage: this.#stage.name, code, message: messageOf(error), attempts: attempt.number, time: clock.now() };
    this.#write([deadLetter(prefix, record, cause)]).then(
      () => this.#done(attempt, 'dead_letter', error),
      (failure: unknown) => logger.error({ err: failure, ...at }, 'the dead letter could not be written; the record stays unacknowledged'),
    );
  }

  #done(attempt: Attempt, result: string, error?: unknown): void {
    const { metrics, clock } = this.#options;
    const stage = this.#stage.name;
    attempt.span?.end(error);
    attempt.delivery.ack();
    metrics.records.inc({ stage, topic: attempt.delivery.record.topic, result });
    metrics.handleSeconds.observe({ stage }, (clock.now() - attempt.startedAt) / 1_000);
  }

  #publish(outputs: readonly StageOutput[]): Promise<void> {
    const none: Headers = {};
    const carried = outputHeaders(none, undefined);
    return this.#write(outputs.map((output) => withHeaders(output, carried)));
  }

  /** What cannot be written now is written later, however long that takes: giving up would lose it. */
  async #write(outputs: readonly StageOutput[]): Promise<void> {
    const { clock, retryBaseMs, random } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#producer.send(outputs);
      } catch (error) {
        if (!isRetryable(error) || this.state === 'stopped') throw error;
        await wait(clock, pauseMs(attempt, retryBaseMs, random));
      }
    }
  }

  #reportGauges(): void {
    const { clock, metrics } = this.#options;
    const stage = this.#stage.name;
    metrics.inFlight.set({ stage }, this.inFlight);
    for (const { group, consumer } of this.#consumers) metrics.lag.set({ stage, group }, consumer.lag());
    this.#cancelGauges = clock.schedule(clock.now() + GAUGE_INTERVAL_MS, () => this.#reportGauges());
  }

  async #stop(): Promise<void> {
    this.#lifecycle.to('draining');
    for (const { consumer } of this.#consumers) consumer.stopDelivering();
    const finished = this.#drained();
    await Promise.race([this.#stage.drain?.(), finished]);
    await finished;
    this.#cancelGauges();
    await Promise.all(this.#consumers.map(({ consumer }) => consumer.close()));
    this.#lifecycle.to('stopped');
    await this.#stage.stop?.();
    const { clock, drainTimeoutMs } = this.#options;
    await within(clock, drainTimeoutMs, this.#producer.flush());
  }

  async #drained(): Promise<void> {
    const { clock, drainTimeoutMs, logger } = this.#options;
    const until = clock.now() + drainTimeoutMs;
    while (this.inFlight > 0 && clock.now() < until) await wait(clock, DRAIN_POLL_MS);
    if (this.inFlight > 0) {
      logger.warn({ inFlight: this.inFlight }, 'drain timed out; the rest is redelivered to others');
    }
  }
}

