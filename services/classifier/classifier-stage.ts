import { topicName, type Interaction, type Task } from '@tandem/schemas';
import {
  affinityKey, asOfRequest, buildTask, catalogueSize, isCatalogueItem, needsHistory, readInteraction, readRequest,
  rejectedOutcome, resolveRequest, type KnownHistory, type RequestIdentity, type RequestReading, type ResolvedRequest,
  type WorkloadBinding,
} from '@tandem/shared/core';
import { RecordError, messageOf } from '@tandem/shared/errors';
import type { LogRecord } from '@tandem/shared/log';
import type { Stage, StageInput, StageOutput } from '@tandem/shared/runner';
import { bindWorkloads } from './bindings.ts';
import { Duplicates } from './duplicates.ts';
import { FeatureStore } from './feature-store.ts';
import { OccasionalWarning } from './occasional-warning.ts';
import { withDefaults, type ClassifierOptions, type CompleteOptions } from './options.ts';

const NOT_ASKED: KnownHistory = { history: undefined, times: [], exact: true };

export interface ClassifierStage extends Stage {
  /**
   * Puts an interaction into the feature store; invalid ones are passed over, since the stage's own group puts them on
   * the dead letters. For a cache that is not shared: the composition root tails the interactions topic into this, so
   * that each process knows all users, also after a restart. With a shared cache the stage does it by itself.
   */
  applyInteraction(record: LogRecord): Promise<void>;
}

class Classifier implements ClassifierStage {
  readonly name = 'classifier';
  readonly inputs: readonly StageInput[];
  readonly #options: CompleteOptions;
  readonly #topics: { tasks: string; outcomes: string; bulk: string; interactions: string };
  readonly #bindings: ReadonlyMap<string, WorkloadBinding>;
  readonly #catalogueItems: number | undefined;
  readonly #features: FeatureStore;
  readonly #duplicates: Duplicates;

  constructor(options: ClassifierOptions) {
    this.#options = withDefaults(options);
    const { prefix, cache, clock, logger, observer, dedupTtlMs, historyLimit, featureTtlMs } = this.#options;
    this.#topics = {
      tasks: topicName(prefix, 'tasks'),
      outcomes: topicName(prefix, 'outcomes'),
      bulk: topicName(prefix, 'requests.bulk'),
      interactions: topicName(prefix, 'interactions'),
    };
    this.inputs = [{ group: 'classifier', topics: [topicName(prefix, 'requests'), this.#topics.bulk, this.#topics.interactions] }];
    this.#bindings = bindWorkloads(this.#options);
    this.#catalogueItems = catalogueSize([...this.#bindings.values()].flatMap(({ variants }) => variants));
    const warning = new OccasionalWarning(logger, clock, 'the cache is unavailable; going on without it');
    const onUnavailable = (error: unknown) => {
      observer.cacheUnavailable();
      warning.warn(error);
    };
    this.#features = new FeatureStore({ cache, clock, historyLimit, ttlMs: featureTtlMs, onUnavailable });
    this.#duplicates = new Duplicates({ cache, ttlMs: dedupTtlMs, onUnavailable });
  }

  handle(record: LogRecord): readonly StageOutput[] | Promise<readonly StageOutput[]> {
    return record.topic === this.#topics.interactions ? this.#interaction(record) : this.#request(record);
  }

  async applyInteraction(record: LogRecord): Promise<void> {
    const interaction = this.#readable(record);
    if (!(interaction instanceof RecordError)) await this.#apply(interaction, record);
  }

  async stop(): Promise<void> {
    this.#features.stop();
  }

  #interaction(record: LogRecord): readonly StageOutput[] | Promise<readonly StageOutput[]> {
    const interaction = this.#readable(record);
    if (interaction instanceof RecordError) throw this.#deadLetter(interaction);
    return this.#options.cache.shared ? this.#apply(interaction, record).then(() => []) : [];
  }

  async #apply(interaction: Interaction, record: LogRecord): Promise<void> {
    await this.#features.append(interaction, record);
    this.#options.observer.interaction();
  }

  #readable(record: LogRecord): Interaction | RecordError {
    try {
      const interaction = readInteraction(record, this.#options.limits);
      if (isCatalogueItem(interaction.itemId, this.#catalogueItems)) return interaction;
      return new RecordError('unknown_item', `item ${interaction.itemId} is not among the catalogue's 1 to ${this.#catalogueItems}`);
    } catch (error) {
      if (error instanceof RecordError) return error;
      throw error;
    }
  }

  async #request(record: LogRecord): Promise<readonly StageOutput[]> {
    const reading = readRequest(record, this.#options.limits);
    const { identity } = reading;
    if (identity === undefined) throw this.#deadLetter(reading.error ?? new RecordError('invalid_request', 'requestId: unreadable'));
    // Both ask the cache in one round trip.
    const verdict = this.#judge(reading, record);
    const earlier = await this.#duplicates.earlierPosition(identity.requestId, positionOf(record));
    if (earlier !== undefined) {
      throw this.#deadLetter(new RecordError('duplicate_request', `this request id was used before, at ${earlier}; that one is answered`));
    }
    const judged = await verdict;
    return [judged instanceof RecordError ? this.#rejected(identity, judged, record) : this.#classified(judged)];
  }

  /** Never rejects. */
  async #judge(reading: RequestReading, record: LogRecord): Promise<Task | RecordError> {
    if (reading.error !== undefined) return reading.error;
    try {
      const lane = record.topic === this.#topics.bulk ? 'bulk' : 'interactive';
      const resolved = resolveRequest(reading.request, this.#bindings, { arrivedAt: record.timestamp, now: this.#options.clock.now(), lane });
      const known = needsHistory(resolved) ? await this.#known(resolved) : NOT_ASKED;
      return buildTask(resolved, { lane, source: positionOf(record), known, stale: !known.exact });
    } catch (error) {
      if (error instanceof RecordError) return error;
      this.#options.logger.error({ err: error, source: positionOf(record) }, 'a request could not be classified');
      return new RecordError('internal', `the request could not be classified: ${messageOf(error)}`, error);
    }
  }

  #known(resolved: ResolvedRequest): Promise<KnownHistory> {
    const { clock, featureWaitMs } = this.#options;
    const waitUntil = Math.min(clock.now() + featureWaitMs, resolved.deadlineAt ?? Infinity);
    return this.#features.read(resolved.request.userId ?? '', asOfRequest(resolved), waitUntil);
  }

  #classified(task: Task): StageOutput {
    this.#options.observer.classified(task.task, task.workload, task.marks);
    return { topic: this.#topics.tasks, key: task.key, value: JSON.stringify(task) };
  }

  #rejected(identity: RequestIdentity, error: RecordError, record: LogRecord): StageOutput {
    this.#options.observer.rejected(error.code);
    const outcome = rejectedOutcome(identity, error, { arrivedAt: record.timestamp, source: positionOf(record) });
    return { topic: this.#topics.outcomes, key: affinityKey(identity), value: JSON.stringify(outcome) };
  }

  #deadLetter(error: RecordError): RecordError {
    this.#options.observer.deadLettered(error.code);
    return error;
  }
}

function positionOf({ topic, partition, offset }: LogRecord): string {
  return `${topic}/${partition}/${offset}`;
}

/**
 * Task sensing: makes each request a self-contained task with a plan, or a rejected outcome, or a dead letter;
 * keeps users' features current from interactions.
 * @throws {TandemError} `unknown_adapter`, `invalid_workload`
 */
export function createClassifierStage(options: ClassifierOptions): ClassifierStage {
  return new Classifier(options);
}
