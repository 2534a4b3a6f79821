import { errorCodeSchema, type ErrorCode } from '@tandem/schemas';
import { wait } from '../clock/index.ts';
import { RecordError, TandemError, isRetryable, messageOf } from '../errors/index.ts';
import type { LifecycleState } from '../lifecycle/index.ts';
import type { Delivery, LogRecord, Tenure } from '../log/index.ts';
import { currentSpan, type CounterSeries, type HistogramSeries, type RecordSpan, type SpanOrigin } from '../telemetry/index.ts';
import { deadLetter } from './dead-letter.ts';
import type { CompleteOptions } from './defaults.ts';
import { outputHeaders, withHeaders } from './headers.ts';
import { HeldRecords } from './held-records.ts';
import { LONGEST_DELAY_MS, pauseMs } from './retry.ts';
import { restoreRecord, retryRecord, retryTopic, type RestoredRecord } from './retry-record.ts';
import type { Stage, StageContext, StageName, StageOutput } from './types.ts';

/** What is known of a topic's records: they come often, so it is looked up once for each. */
interface Source {
  /** Of a chain: the stage that reads the topic. */
  stage: StageName;
  handled: CounterSeries;
  handleSeconds: HistogramSeries;
}

interface Attempt {
  source: Source;
  delivery: Delivery;
  /** What the stage sees: the record as it was read from its own topic. */
  record: LogRecord;
  /** Tries before this delivery. */
  earlier: number;
  /** This delivery, from 1. */
  deliveries: number;
  /** This try of this delivery, from 1. */
  number: number;
  startedAt: number;
  span: RecordSpan | undefined;
}

const FIRST_DELIVERY = { attempts: 0, deliveries: 0 } as const;
/** Of what is published beside the handling of a record. */
const NONE_CARRIED = outputHeaders({}, undefined);

/** Brings deliveries to their end: handled and their outputs durable, put off, a dead letter, or handed back. */
export class RecordHandler {
  readonly context: StageContext;
  readonly #stage: Stage;
  readonly #options: CompleteOptions;
  readonly #state: () => LifecycleState;
  /** Of the retry topic. */
  readonly #notDue: HeldRecords;
  /** Of the stage's own topics: tried again here, or handed back. */
  readonly #waiting: HeldRecords;
  /** By topic. */
  readonly #sources = new Map<string, Source>();

  constructor(stage: Stage, options: CompleteOptions, state: () => LifecycleState) {
    this.#stage = stage;
    this.#options = options;
    this.#state = state;
    this.#notDue = new HeldRecords(options.clock);
    this.#waiting = new HeldRecords(options.clock);
    this.context = { publish: (outputs, tenure) => this.#publish(outputs, tenure) };
  }

  /** Unacknowledged, and nobody works on them: a stop does not wait for them. */
  get idle(): number {
    return this.#notDue.count + this.#waiting.count;
  }

  /** Records of the retry topic that wait here take as much as they may. */
  get full(): boolean {
    const { records, bytes } = this.#notDue.size;
    return records >= this.#options.maxHeldRecords || bytes >= this.#options.maxHeldBytes;
  }

  /** Lets go of records whose partitions went to other members. */
  sweep(): void {
    this.#notDue.sweep();
    this.#waiting.sweep();
  }

  /** What waits is not tried here any more. */
  stopWaiting(): void {
    this.#notDue.stop();
    this.#waiting.stop();
  }

  /** A record of one of the stage's own topics. */
  accept(delivery: Delivery): void {
    this.#begin(delivery, delivery.record, FIRST_DELIVERY);
  }

  /** A record of the retry topic: is handled when it is due, if it came from one of these topics; else another group handles it. */
  acceptRetry(delivery: Delivery, topics: readonly string[], onReleased: () => void): void {
    let restored: RestoredRecord;
    try {
      restored = restoreRecord(delivery.record);
    } catch (error) {
      return this.#bury(this.#attempt(delivery, delivery.record, FIRST_DELIVERY), error);
    }
    if (!topics.includes(restored.record.topic)) return delivery.ack();
    const { clock, log } = this.#options;
    const waitMs = Math.min(restored.notBefore - log.now(), LONGEST_DELAY_MS);
    if (waitMs <= 0) return this.#begin(delivery, restored.record, restored);
    this.#notDue.until(clock.now() + waitMs, delivery, {
      onDue: () => {
        onReleased();
        this.#begin(delivery, restored.record, restored);
      },
      onRevoked: onReleased,
    });
  }

  #begin(delivery: Delivery, record: LogRecord, before: Pick<RestoredRecord, 'attempts' | 'deliveries'>): void {
    this.#try(this.#attempt(delivery, record, before));
  }

  #attempt(delivery: Delivery, record: LogRecord, { attempts, deliveries }: Pick<RestoredRecord, 'attempts' | 'deliveries'>): Attempt {
    const { clock, tracing } = this.#options;
    const source = this.#sourceOf(record.topic);
    const span = tracing.isOn ? tracing.start(source.stage, record.topic, record.headers, deliveries === 0 ? record : originOf(record, deliveries + 1)) : undefined;
    return { source, delivery, record, earlier: attempts, deliveries: deliveries + 1, number: 1, startedAt: clock.now(), span };
  }

  /** Synchronous stages stay synchronous: no promise per record until something is really awaited. */
  #try(attempt: Attempt): void {
    // One without a span may be begun by another's.
    if (this.#options.tracing.isOn && (attempt.span !== undefined || currentSpan() !== undefined)) this.#tryTraced(attempt);
    else this.#handle(attempt);
  }

  #tryTraced(attempt: Attempt): void {
    this.#options.tracing.run(attempt.span, () => this.#handle(attempt));
  }

  #handle(attempt: Attempt): void {
    try {
      const outputs = this.#stage.handle(attempt.record, this.context);
      if (outputs instanceof Promise) outputs.then((all) => this.#emit(attempt, all)).catch((error: unknown) => this.#failed(attempt, error));
      else this.#emit(attempt, outputs);
    } catch (error) {
      this.#failed(attempt, error);
    }
  }

  #emit(attempt: Attempt, outputs: readonly StageOutput[]): void {
    if (outputs.length === 0) return this.#done(attempt, 'handled');
    const carried = outputHeaders(attempt.record.headers, attempt.span?.headers);
    this.#write(outputs.map((output) => withHeaders(output, carried))).then(
      () => this.#done(attempt, 'handled'),
      (error: unknown) => this.#failed(attempt, error),
    );
  }

  #failed(attempt: Attempt, error: unknown): void {
    if (this.#state() === 'stopped') return;
    if (!isRetryable(error)) return this.#bury(attempt, error);
    // Whoever gets it next gets it in its order; a retry topic would not.
    if (this.#state() === 'draining') return this.#waiting.handBack(attempt.delivery);
    if (attempt.number < this.#options.maxAttempts) return this.#again(attempt);
    if (this.#untilDeadlineMs(attempt) > 0) return this.#againByDeadline(attempt);
    if (attempt.deliveries >= this.#options.maxDeliveries) return this.#bury(attempt, error);
    return this.#later(attempt, error);
  }

  #again(attempt: Attempt): void {
    const { clock } = this.#options;
    this.#countRetry(attempt);
    clock.schedule(clock.now() + this.#pauseMs(attempt), () => this.#try({ ...attempt, number: attempt.number + 1 }));
  }

  #countRetry({ source: { stage }, span, number }: Attempt): void {
    this.#options.metrics.retries.inc({ stage });
    span?.event('retry', { 'tandem.attempt': number + 1 });
  }

  /** More than 0: the record has a deadline, which would pass before the next delivery. */
  #untilDeadlineMs({ record, deliveries }: Attempt): number {
    const deadline = this.#deadlineOf(record);
    if (deadline === undefined) return 0;
    const leftMs = deadline - this.#options.clock.now();
    return leftMs < this.#options.retryDelayMs(deliveries, this.#options.random) ? leftMs : 0;
  }

  #deadlineOf(record: LogRecord): number | undefined {
    try {
      return this.#stage.deadlineOf?.(record);
    } catch {
      return undefined;
    }
  }

  #againByDeadline(attempt: Attempt): void {
    const { clock } = this.#options;
    const deadline = this.#deadlineOf(attempt.record) ?? 0;
    this.#countRetry(attempt);
    this.#waiting.until(Math.min(clock.now() + this.#pauseMs(attempt), deadline), attempt.delivery, {
      onDue: () => this.#try({ ...attempt, number: attempt.number + 1 }),
    });
  }

  #later(attempt: Attempt, error: unknown): void {
    const { log, random, retryDelayMs } = this.#options;
    const delayMs = retryDelayMs(attempt.deliveries, random);
    const attempts = attempt.earlier + attempt.number;
    const state = { attempts, deliveries: attempt.deliveries, notBefore: log.now() + delayMs };
    this.#write([retryRecord(retryTopic(this.#options.prefix, attempt.source.stage), traced(attempt), state)]).then(
      () => this.#done(attempt, 'retry_later', error),
      (failure: unknown) => (this.#state() === 'stopped' ? this.#waiting.handBack(attempt.delivery) : this.#bury(attempt, failure)),
    );
  }

  #sourceOf(topic: string): Source {
    let source = this.#sources.get(topic);
    if (source === undefined) {
      const { records, handleSeconds } = this.#options.metrics;
      const stage = this.#stage.retriesAs?.(topic) ?? this.#stage.name;
      this.#sources.set(topic, source = { stage, handled: records.series({ stage, topic, result: 'handled' }), handleSeconds: handleSeconds.series({ stage }) });
    }
    return source;
  }

  #bury(attempt: Attempt, error: unknown): void {
    const { prefix, clock, logger, metrics } = this.#options;
    const code = codeOf(error);
    const { record, source: { stage } } = attempt;
    const at = { topic: record.topic, partition: record.partition, offset: record.offset };
    if (code === 'internal') logger.error({ err: error, ...at }, 'a record failed; it is put on the dead letters');
    else logger.debug({ code, ...at }, 'dead letter');
    metrics.deadLetters.inc({ stage, code });
    const cause = { stage, code, message: messageOf(error), attempts: attempt.earlier + attempt.number, time: clock.now() };
    this.#write([deadLetter(prefix, traced(attempt), cause)]).then(
      () => this.#done(attempt, 'dead_letter', error),
      (failure: unknown) => {
        logger.error({ err: failure, ...at }, 'the dead letter could not be written; the record stays unacknowledged');
        this.#waiting.handBack(attempt.delivery);
      },
    );
  }

  #done({ source, record, span, delivery, startedAt }: Attempt, result: 'handled' | 'retry_later' | 'dead_letter', error?: unknown): void {
    const { metrics, clock } = this.#options;
    span?.end(error);
    delivery.ack();
    if (result === 'handled') source.handled.add();
    else metrics.records.inc({ stage: source.stage, topic: record.topic, result });
    source.handleSeconds.observe((clock.now() - startedAt) / 1_000);
  }

  #pauseMs({ number }: Attempt): number {
    const { retryBaseMs, random } = this.#options;
    return pauseMs(number, retryBaseMs, random);
  }

  #publish(outputs: readonly StageOutput[], tenure: Tenure | undefined): Promise<void> {
    return this.#write(outputs.map((output) => withHeaders(output, NONE_CARRIED)), tenure);
  }

  /** What cannot be written now is written later, however long that takes: giving up would lose it. */
  async #write(outputs: readonly StageOutput[], tenure?: Tenure): Promise<void> {
    const { clock, retryBaseMs, random, producer } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await producer.send(outputs, tenure);
      } catch (error) {
        if (!isRetryable(error) || this.#state() === 'stopped') throw error;
        await wait(clock, pauseMs(attempt, retryBaseMs, random));
      }
    }
  }
}

function originOf({ partition, offset, timestamp }: LogRecord, delivery: number): SpanOrigin {
  return { partition, offset, timestamp, delivery };
}

/** What becomes of it belongs to its trace. */
function traced({ record, span }: Attempt): LogRecord {
  return span === undefined ? record : { ...record, headers: { ...record.headers, ...span.headers } };
}

/** Errors of the schemas' list keep their code. */
function codeOf(error: unknown): ErrorCode {
  if (error instanceof RecordError) return error.code;
  const known = errorCodeSchema.safeParse(error instanceof TandemError ? error.code : undefined);
  return known.success ? known.data : 'internal';
}
