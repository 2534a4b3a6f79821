import { topicName, type Response, type Task, type TaskArm } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import { FirstActs, jsonOf } from '@tandem/shared/core';
import type { EventLog, LogRecord } from '@tandem/shared/log';
import { OccasionalWarning, type Logger, type Metrics } from '@tandem/shared/telemetry';

const TOP = 10;
const DEFAULT_USERS = 10_000;
/** `"userId":"…"` and its like; a longer value is no click. */
const LONGEST_INTERACTION_BYTES = 4_096;

export interface LiveAccuracyOptions {
  prefix: string;
  /** Answers of so many users are remembered. @default 10000 */
  users?: number;
  log: Pick<EventLog, 'tail'>;
  clock: Pick<Clock, 'now'>;
  logger: Logger;
  metrics: Pick<Metrics, 'liveJudged' | 'liveHits'>;
  /** Whether an answer of an experiment's arm was right. */
  onJudged?: (arm: TaskArm, userId: string, isHit: boolean) => void;
  /** Whether a request's answer was right. */
  onAnswer?: (requestId: string, isHit: boolean) => void;
}

interface Labels {
  workload: string;
  model: string;
  precision: string;
}

/** What an answer is counted under. */
interface Answered {
  requestId: string;
  labels: Labels;
  userId: string;
  arms: readonly TaskArm[];
}

/** A copy's items, which no user saw. */
export interface ShadowItems {
  userId: string;
  items: readonly string[];
  /** Broker's append time of the request, epoch ms. */
  askedAt: number;
  arm: TaskArm;
}

/**
 * HR@10 of what is answered, as it happens: whether the item that a user took next was among the ten that were offered. Of the
 * answers that this process gives; costs a look at each interaction.
 */
export class LiveAccuracy {
  readonly #options: LiveAccuracyOptions;
  readonly #acts: FirstActs<Answered>;
  /** Beside the answers, so that they take no room from those. Undefined: there have been none. */
  #copies: FirstActs<{ userId: string; arm: TaskArm }> | undefined;
  #close: (() => Promise<void>) | undefined;

  constructor(options: LiveAccuracyOptions) {
    this.#options = options;
    const { users = DEFAULT_USERS, metrics: { liveJudged, liveHits }, onJudged, onAnswer } = options;
    this.#acts = new FirstActs<Answered>({
      users,
      onJudged: ({ requestId, labels, userId, arms }, isHit) => {
        liveJudged.inc({ ...labels });
        liveHits.inc({ ...labels }, isHit ? 1 : 0);
        for (const arm of arms) onJudged?.(arm, userId, isHit);
        onAnswer?.(requestId, isHit);
      },
    });
  }

  /** Never rejects: answers do not wait for what is known of them. */
  async start(): Promise<void> {
    const { log, prefix, logger, clock } = this.#options;
    const warning = new OccasionalWarning(logger, clock, 'interactions cannot be read, so that the live accuracy is not known');
    const onRecord = (record: LogRecord) => this.interaction(record);
    try {
      const tail = await log.tail({ topic: topicName(prefix, 'interactions'), startFrom: 'latest', onRecord, onFault: (error) => warning.warn(error) });
      this.#close = () => tail.close();
    } catch (error) {
      warning.warn(error);
    }
  }

  async stop(): Promise<void> {
    await this.#close?.();
  }

  answered({ requestId, userId, workload, result, steps, time, latencyMs }: Response, task?: Pick<Task, 'experiments'>): void {
    if (userId === undefined || result === undefined || !('items' in result)) return;
    const last = steps.findLast(({ batchSize, cached }) => batchSize > 0 || cached === true);
    if (last === undefined) return;
    const items = result.items.slice(0, TOP).map(({ itemId }) => itemId);
    const labels = { workload, model: last.model, precision: last.precision };
    this.#acts.answered(userId, { items, askedAt: time - latencyMs, label: { requestId, labels, userId, arms: task?.experiments ?? [] } });
  }

  shadowed({ userId, items, askedAt, arm }: ShadowItems): void {
    const { users = DEFAULT_USERS, onJudged } = this.#options;
    this.#copies ??= new FirstActs({ users, onJudged: (label, isHit) => onJudged?.(label.arm, label.userId, isHit) });
    this.#copies.answered(userId, { items: items.slice(0, TOP), askedAt, label: { userId, arm } });
  }

  interaction({ value, timestamp }: Pick<LogRecord, 'value' | 'timestamp'>): void {
    if (value === null || value.byteLength > LONGEST_INTERACTION_BYTES) return;
    const { userId, itemId } = read(value);
    if (userId === undefined || itemId === undefined) return;
    this.#acts.acted(userId, itemId, timestamp);
    this.#copies?.acted(userId, itemId, timestamp);
  }
}

/** What cannot be read is the classifier's business. */
function read(value: Buffer): { userId?: string; itemId?: string } {
  const { userId, itemId } = (jsonOf(value) ?? {}) as { userId?: unknown; itemId?: unknown };
  return { ...(typeof userId === 'string' ? { userId } : {}), ...(typeof itemId === 'string' ? { itemId } : {}) };
}
