import { topicName, type Response } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import type { EventLog, LogRecord } from '@tandem/shared/log';
import { OccasionalWarning, type Logger, type Metrics } from '@tandem/shared/telemetry';

const TOP = 10;
const DEFAULT_USERS = 10_000;
/** A user who comes back later than that was not led by the answer. */
const JUDGED_WITHIN_MS = 1_800_000;
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
}

interface Answer {
  /** Epoch ms. */
  at: number;
  items: readonly string[];
  labels: { workload: string; model: string; precision: string };
}

/**
 * HR@10 of what is answered, as it happens: whether the item that a user takes next was among the ten that the latest answer
 * offered. Each answer is judged by one interaction. Of the answers that this process gives; costs a look at each interaction.
 */
export class LiveAccuracy {
  readonly #options: LiveAccuracyOptions;
  /** By user, the oldest first. */
  readonly #answers = new Map<string, Answer>();
  #close: (() => Promise<void>) | undefined;

  constructor(options: LiveAccuracyOptions) {
    this.#options = options;
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

  answered({ userId, workload, result, steps, time: at }: Response): void {
    if (userId === undefined || result === undefined || !('items' in result)) return;
    const last = steps.findLast(({ batchSize, cached }) => batchSize > 0 || cached === true);
    if (last === undefined) return;
    const items = result.items.slice(0, TOP).map(({ itemId }) => itemId);
    this.#answers.delete(userId);
    this.#answers.set(userId, { at, items, labels: { workload, model: last.model, precision: last.precision } });
    if (this.#answers.size <= (this.#options.users ?? DEFAULT_USERS)) return;
    const [oldest] = this.#answers.keys();
    this.#answers.delete(oldest ?? '');
  }

  interaction({ value }: Pick<LogRecord, 'value'>): void {
    if (value === null || value.byteLength > LONGEST_INTERACTION_BYTES || this.#answers.size === 0) return;
    const { userId, itemId } = read(value);
    const answer = userId === undefined ? undefined : this.#answers.get(userId);
    if (userId === undefined || answer === undefined || itemId === undefined) return;
    this.#answers.delete(userId);
    if (this.#options.clock.now() - answer.at > JUDGED_WITHIN_MS) return;
    const { liveJudged, liveHits } = this.#options.metrics;
    liveJudged.inc(answer.labels);
    liveHits.inc(answer.labels, answer.items.includes(itemId) ? 1 : 0);
  }
}

/** What cannot be read is the classifier's business. */
function read(value: Buffer): { userId?: string; itemId?: string } {
  try {
    const interaction = JSON.parse(value.toString('utf8')) as { userId?: unknown; itemId?: unknown } | null;
    const { userId, itemId } = interaction ?? {};
    return { ...(typeof userId === 'string' ? { userId } : {}), ...(typeof itemId === 'string' ? { itemId } : {}) };
  } catch {
    return {};
  }
}
