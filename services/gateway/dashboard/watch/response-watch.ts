import { HEADER, topicName, type Interaction, type Response } from '@tandem/schemas';
import { jsonOf } from '@tandem/shared/core';
import type { LogRecord } from '@tandem/shared/log';
import type { RecentAnswer } from '../snapshot.ts';
import { AnswerSecond } from './answer-second.ts';
import { LiveQuality } from './live-quality.ts';
import { Seconds } from './window.ts';

/** Records of one kind that are parsed in a second; of more, the figures are of a sample. */
const LOOKED_INTO = 1_000;
const RECENT = 40;
const LONGEST_INTERACTION_BYTES = 4_096;
export const KEPT_SECONDS = 60;

/** Answers, and what users did then. What it costs is bounded: records beyond a number per second are only counted. */
export class ResponseWatch {
  readonly quality = new LiveQuality();
  readonly #seconds = new Seconds(KEPT_SECONDS, () => new AnswerSecond());
  readonly #interactionsTopic: string;
  readonly #recent: RecentAnswer[] = [];
  #interactions = 0;

  constructor(prefix: string) {
    this.#interactionsTopic = topicName(prefix, 'interactions');
  }

  record(record: LogRecord): void {
    if (record.topic === this.#interactionsTopic) this.#acted(record);
    else this.#answered(record);
  }

  tick(): void {
    this.#seconds.next();
    this.#interactions = 0;
  }

  /** The last of them, which are over. */
  past(seconds: number): readonly AnswerSecond[] {
    return this.#seconds.past.slice(-seconds);
  }

  /** The newest first. */
  get recent(): readonly RecentAnswer[] {
    return this.#recent.toReversed();
  }

  #answered(record: LogRecord): void {
    // Another follows.
    if (record.headers[HEADER.provisional] !== undefined) return;
    const second = this.#seconds.current;
    second.seen += 1;
    if (second.sampled >= LOOKED_INTO || record.value === null) return;
    const response = jsonOf(record.value) as Response | null | undefined;
    if (!Array.isArray(response?.steps)) return;
    second.add(response);
    const path = pathOf(response);
    this.quality.answered(response, path);
    this.#remember(response, path);
  }

  #acted({ value, timestamp }: LogRecord): void {
    if (value === null || value.byteLength > LONGEST_INTERACTION_BYTES || (this.#interactions += 1) > LOOKED_INTO) return;
    const interaction = jsonOf(value) as Partial<Interaction> | null | undefined;
    if (typeof interaction?.userId !== 'string' || typeof interaction.itemId !== 'string') return;
    this.quality.acted({ userId: interaction.userId, itemId: interaction.itemId }, timestamp);
  }

  #remember({ requestId, workload, status, reason, latencyMs, time }: Response, path: string): void {
    this.#recent.push({ requestId, workload, status, ...(reason === undefined ? {} : { reason }), latencyMs, path, time });
    if (this.#recent.length > RECENT) this.#recent.shift();
  }
}

/** The variants that an answer came from, in the order of its steps. */
function pathOf({ steps }: Pick<Response, 'steps'>): string {
  const ran = steps.filter(({ batchSize, cached }) => batchSize > 0 || cached === true).map(({ model, precision }) => `${model}.${precision}`);
  return ran.length === 0 ? 'no model' : ran.join(' → ');
}
