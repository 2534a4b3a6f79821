import { HEADER, topicName, type Cancel, type Erasure, type ErasureNotice, type Interaction, type Lane, type Request, type Task } from '@tandem/schemas';
import { CachePatience, userHash } from '@tandem/shared/cache';
import {
  affinityKey, asOfRequest, buildCancellation, buildTask, catalogueSize, isCatalogueItem, isErasure, needsHistory, Quotas, readInteraction,
  readRequest, rejectedOutcome, resolveRequest, standingOf, type KnownHistory, type RequestIdentity, type RequestReading,
  type ResolvedRequest, type WorkloadBinding,
} from '@tandem/shared/core';
import { RecordError, messageOf } from '@tandem/shared/errors';
import type { LogRecord, TopicPartition } from '@tandem/shared/log';
import { JsonOutput, positionOf, type Stage, type StageInput, type StageOutput } from '@tandem/shared/runner';
import { OccasionalWarning } from '@tandem/shared/telemetry';
import { bindWorkloads } from './bindings.ts';
import { Duplicates } from './duplicates.ts';
import { EmissionOrder } from './emission-order.ts';
import { FeatureStore } from './feature-store.ts';
import { withDefaults, type ClassifierOptions, type CompleteOptions } from './options.ts';

const NOTHING: readonly StageOutput[] = [];
const NOT_ASKED: KnownHistory = { history: undefined, times: [], exact: true };

export interface ClassifierStage extends Stage {
  /**
   * Puts an interaction into the feature store; invalid ones are passed over, since the stage's own group puts them on
   * the dead letters. For a cache that is not shared: the composition root tails the interactions topic into this, so
   * that each process knows all users, also after a restart. With a shared cache the stage does it by itself.
   */
  applyInteraction(record: LogRecord): Promise<void>;
  /**
   * The task that a request would become now, to be computed ahead of it, in the bulk lane. Undefined: it would be rejected, or what it
   * needs to know of its user is not known.
   */
  taskAhead(request: Request, mostMs: number): Promise<StageOutput | undefined>;
}

class Classifier implements ClassifierStage {
  readonly name = 'classifier';
  readonly inputs: readonly StageInput[];
  readonly #options: CompleteOptions;
  readonly #topics: { tasks: string; outcomes: string; bulk: string; interactions: string; telemetry: string };
  readonly #bindings: ReadonlyMap<string, WorkloadBinding>;
  readonly #catalogueItems: number | undefined;
  readonly #features: FeatureStore;
  readonly #duplicates: Duplicates;
  readonly #quotas: Quotas;
  /** Of the interactive requests. */
  readonly #assigned = new Set<number>();
  readonly #order = new EmissionOrder();

  constructor(options: ClassifierOptions) {
    this.#options = withDefaults(options);
    const { prefix, cache, clock, logger, observer, dedupTtlMs, historyLimit, featureTtlMs } = this.#options;
    this.#topics = {
      tasks: topicName(prefix, 'tasks'),
      outcomes: topicName(prefix, 'outcomes'),
      bulk: topicName(prefix, 'requests.bulk'),
      interactions: topicName(prefix, 'interactions'),
      telemetry: topicName(prefix, 'telemetry'),
    };
    this.inputs = [{ group: 'classifier', topics: [topicName(prefix, 'requests'), this.#topics.bulk, this.#topics.interactions] }];
    this.#bindings = bindWorkloads(this.#options);
    this.#quotas = new Quotas(this.#options.quotas);
    this.#catalogueItems = catalogueSize([...this.#bindings.values()].flatMap(({ variants }) => variants));
    const warning = new OccasionalWarning(logger, clock, 'the cache is unavailable; going on without it');
    const onUnavailable = (error: unknown) => {
      observer.cacheUnavailable();
      warning.warn(error);
    };
    const patience = new CachePatience(clock, cache);
    this.#features = new FeatureStore({ cache, clock, historyLimit, ttlMs: featureTtlMs, patience, onUnavailable });
    this.#duplicates = new Duplicates({ cache, ttlMs: dedupTtlMs, patience, onUnavailable });
  }

  onAssigned(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) if (topic === this.inputs[0]?.topics[0]) this.#assigned.add(partition);
    this.#share();
  }

  onRevoked(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) if (topic === this.inputs[0]?.topics[0]) this.#assigned.delete(partition);
    this.#share();
  }

  #share(): void {
    const { partitions } = this.#options;
    if (partitions !== undefined) this.#quotas.reads(this.#assigned.size / partitions);
  }

  handle(record: LogRecord): readonly StageOutput[] | Promise<readonly StageOutput[]> {
    return record.topic === this.#topics.interactions ? this.#interaction(record) : this.#request(record);
  }

  async applyInteraction(record: LogRecord): Promise<void> {
    const read = this.#readable(record);
    if (!(read instanceof RecordError)) await this.#apply(read, record);
  }

  async taskAhead(request: Request, mostMs: number): Promise<StageOutput | undefined> {
    const now = this.#options.clock.now();
    try {
      // As an interactive one, since it is one that is expected.
      const resolved = resolveRequest(request, this.#bindings, { arrivedAt: now, now, lane: 'interactive' });
      const known = await this.#known(resolved);
      const { provisional: _, ...task } = buildTask(resolved, { lane: 'interactive', source: 'ahead', bytes: JSON.stringify(request).length, known, stale: !known.exact });
      if (task.marks.length > 0 || task.plan.steps.length === 0) return undefined;
      return this.#output({ ...task, lane: 'bulk', ahead: true, deadlineAt: Math.min(task.deadlineAt ?? Infinity, now + mostMs) });
    } catch (error) {
      if (error instanceof RecordError) return undefined;
      throw error;
    }
  }

  /** What the cache does not take now is handed back: waiting for it would last as long as a drain may. */
  async drain(): Promise<void> {
    this.#features.stop();
  }

  async stop(): Promise<void> {
    this.#features.stop();
  }

  #interaction(record: LogRecord): readonly StageOutput[] | Promise<readonly StageOutput[]> {
    const read = this.#readable(record);
    if (read instanceof RecordError) throw this.#deadLetter(read);
    const outputs = isErasure(read) ? [this.#erasureNotice(read, record)] : NOTHING;
    return this.#options.cache.shared ? this.#apply(read, record).then(() => outputs) : outputs;
  }

  /** Workers do not read interactions. */
  #erasureNotice({ userId }: Erasure, { timestamp }: LogRecord): StageOutput {
    const user = userHash(userId);
    const notice: ErasureNotice = { kind: 'erasure', user, time: timestamp };
    return { topic: this.#topics.telemetry, key: `erased/${user}`, value: JSON.stringify(notice) };
  }

  async #apply(read: Interaction | Erasure, record: LogRecord): Promise<void> {
    if (isErasure(read)) {
      this.#options.ahead?.erased(read.userId);
      return this.#features.erase(read, record);
    }
    await this.#features.append(read, record);
    this.#options.ahead?.acted(read.userId);
    this.#options.observer.interaction();
  }

  #readable(record: LogRecord): Interaction | Erasure | RecordError {
    try {
      const read = readInteraction(record, this.#options.limits);
      if (isErasure(read) || isCatalogueItem(read.itemId, this.#catalogueItems)) return read;
      return new RecordError('unknown_item', `item ${read.itemId} is not among the catalogue's 1 to ${this.#catalogueItems}`);
    } catch (error) {
      if (error instanceof RecordError) return error;
      throw error;
    }
  }

  #request(record: LogRecord): Promise<readonly StageOutput[]> {
    const reading = readRequest(record, this.#options.limits);
    const { identity } = reading;
    if (identity === undefined) throw this.#deadLetter(reading.error ?? new RecordError('invalid_request', 'requestId: unreadable'));
    const key = affinityKey(identity);
    if (reading.cancel !== undefined) return this.#order.behind(key, this.#cancelled(reading.cancel, record));
    const answer = this.#answer(reading, identity, record);
    const ordered = this.#bindings.get(identity.workload)?.workload.order === 'key';
    return ordered ? this.#order.behind(key, answer) : this.#order.beside(key, answer);
  }

  async #cancelled(cancel: Cancel, record: LogRecord): Promise<readonly StageOutput[]> {
    try {
      const cancellation = buildCancellation(cancel, this.#bindings, { arrivedAt: record.timestamp, source: positionOf(record) });
      return [new JsonOutput(this.#topics.tasks, cancellation.key, cancellation)];
    } catch (error) {
      throw error instanceof RecordError ? this.#deadLetter(error) : error;
    }
  }

  async #answer(reading: RequestReading, identity: RequestIdentity, record: LogRecord): Promise<readonly StageOutput[]> {
    const resolved = this.#resolve(reading, record);
    const deadlineAt = resolved instanceof RecordError ? null : resolved.deadlineAt;
    // Both ask the cache in one round trip.
    const verdict = this.#judge(resolved, record);
    const earlier = await this.#duplicates.earlierPosition(identity.requestId, standingOf(record), deadlineAt);
    if (earlier !== undefined) {
      throw this.#deadLetter(new RecordError('duplicate_request', `this request id was used before, at ${earlier}; that one is answered`));
    }
    const judged = this.#withinQuota(await verdict, record);
    if (judged instanceof RecordError) return [this.#rejected(identity, judged, record)];
    if (judged.lane === 'interactive') this.#options.ahead?.asked(reading.request!, record);
    return [this.#classified(judged)];
  }

  /** Also what nobody can be answered for has been sent; what is wrong anyway costs nobody anything. */
  #withinQuota(judged: Task | RecordError, { headers, timestamp }: LogRecord): Task | RecordError {
    if (judged instanceof RecordError || judged.lane === 'bulk' || !this.#quotas.isOn) return judged;
    const why = this.#quotas.refused(judged.workload, headers[HEADER.tenant], timestamp);
    return why === undefined ? judged : new RecordError('quota_exceeded', `${why}; send less, or use the bulk lane`);
  }

  #resolve(reading: RequestReading, record: LogRecord): ResolvedRequest | RecordError {
    if (reading.request === undefined) return reading.error ?? new RecordError('invalid_request', 'not a request');
    try {
      return resolveRequest(reading.request, this.#bindings, { arrivedAt: record.timestamp, now: this.#options.clock.now(), lane: this.#laneOf(record) });
    } catch (error) {
      return this.#asRejection(error, record);
    }
  }

  /** Never rejects. */
  async #judge(resolved: ResolvedRequest | RecordError, record: LogRecord): Promise<Task | RecordError> {
    if (resolved instanceof RecordError) return resolved;
    try {
      const known = needsHistory(resolved) ? await this.#known(resolved) : NOT_ASKED;
      return buildTask(resolved, { lane: this.#laneOf(record), source: standingOf(record), bytes: record.value?.length ?? 0, known, stale: !known.exact });
    } catch (error) {
      return this.#asRejection(error, record);
    }
  }

  #asRejection(error: unknown, record: LogRecord): RecordError {
    if (error instanceof RecordError) return error;
    this.#options.logger.error({ err: error, source: positionOf(record) }, 'a request could not be classified');
    return new RecordError('internal', `the request could not be classified: ${messageOf(error)}`, error);
  }

  #laneOf({ topic }: LogRecord): Lane {
    return topic === this.#topics.bulk ? 'bulk' : 'interactive';
  }

  #known(resolved: ResolvedRequest): Promise<KnownHistory> {
    const { clock, featureWaitMs } = this.#options;
    const waitUntil = Math.min(clock.now() + featureWaitMs, resolved.deadlineAt ?? Infinity);
    return this.#features.read(resolved.request.userId ?? '', asOfRequest(resolved), { waitUntil, deadlineAt: resolved.deadlineAt });
  }

  #classified(task: Task): StageOutput {
    this.#options.observer.classified(task.task, task.workload, task.marks);
    return this.#output(task);
  }

  #output(task: Task): StageOutput {
    const experiments = this.#options.experiments.armsOf(task);
    return new JsonOutput(this.#topics.tasks, task.key, experiments === undefined ? task : { ...task, experiments });
  }

  #rejected(identity: RequestIdentity, error: RecordError, record: LogRecord): StageOutput {
    this.#options.observer.rejected(error.code);
    const outcome = rejectedOutcome(identity, error, { arrivedAt: record.timestamp, source: standingOf(record) });
    return new JsonOutput(this.#topics.outcomes, affinityKey(identity), outcome);
  }

  #deadLetter(error: RecordError): RecordError {
    this.#options.observer.deadLettered(error.code);
    return error;
  }
}

/**
 * Task sensing: makes each request a self-contained task with a plan, or a rejected outcome, or a dead letter;
 * keeps users' features current from interactions.
 * @throws {TandemError} `unknown_adapter`, `invalid_workload`
 */
export function createClassifierStage(options: ClassifierOptions): ClassifierStage {
  return new Classifier(options);
}
