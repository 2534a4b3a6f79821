import { DEAD_LETTER_HEADER, HEADER, topicName } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import type { EventLog, LogRecord } from '@tandem/shared/log';
import type { JobFiles } from './files.ts';
import type { Ledger } from './ledger.ts';
import { readResponse, requestIdOf } from './read-response.ts';
import type { BackfillState } from './state.ts';
import { TopicFollower } from './topic-follower.ts';

export interface CollectorOptions {
  log: EventLog;
  files: JobFiles;
  ledger: Ledger;
  state: BackfillState;
  prefix: string;
  clock: Clock;
  deadLetterGraceMs: number;
  saveMs: number;
}

const NEWLINE = Buffer.from('\n');

/** Appends responses to the output as they come, and saves how far that has got. One call at a time. */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #responses: TopicFollower;
  readonly #deadLetters: TopicFollower;
  #outputBytes: number;
  #savedBytes: number;
  #savedAt: number;

  constructor(options: CollectorOptions) {
    this.#options = options;
    const { log, prefix, state, clock } = options;
    this.#responses = new TopicFollower(log, topicName(prefix, 'responses'), state.responses);
    this.#deadLetters = new TopicFollower(log, topicName(prefix, 'dead-letters'), state.starts.deadLetters);
    this.#outputBytes = state.outputBytes;
    this.#savedBytes = state.outputBytes;
    this.#savedAt = clock.now();
  }

  /** Takes what has come since; gives up what only has a dead letter; saves now and then. */
  async collect(): Promise<void> {
    const { clock, ledger, deadLetterGraceMs, saveMs } = this.#options;
    await this.#responses.poll((records) => this.#take(records));
    await this.#deadLetters.poll(async (records) => this.#note(records));
    ledger.giveUp(clock.now() - deadLetterGraceMs);
    if (this.#outputBytes > this.#savedBytes && clock.now() - this.#savedAt >= saveMs) await this.save();
  }

  /** The state never tells of more than what is durable in the output. */
  async save(): Promise<void> {
    const { files, state, ledger, clock } = this.#options;
    const outputBytes = this.#outputBytes;
    await files.sync();
    const savedAt = new Date(clock.now()).toISOString();
    await files.writeState(JSON.stringify({ ...state, responses: this.#responses.positions, outputBytes, answered: ledger.answered, savedAt }));
    this.#savedBytes = outputBytes;
    this.#savedAt = clock.now();
  }

  async #take(records: readonly LogRecord[]): Promise<void> {
    const { files, ledger } = this.#options;
    const lines: Buffer[] = [];
    for (const { headers, value } of records) {
      const id = headers[HEADER.requestId];
      if (value === null || (id !== undefined && !ledger.expects(id))) continue;
      const response = readResponse(value);
      if (response === undefined || !ledger.expects(response.requestId)) continue;
      ledger.markAnswered(response);
      lines.push(value, NEWLINE);
    }
    if (lines.length === 0) return;
    const data = Buffer.concat(lines);
    await files.append(data);
    this.#outputBytes += data.length;
  }

  #note(records: readonly LogRecord[]): void {
    const { ledger, clock } = this.#options;
    for (const record of records) {
      const requestId = requestIdOf(record);
      if (requestId === undefined) continue;
      const { [DEAD_LETTER_HEADER.code]: code = 'internal', [DEAD_LETTER_HEADER.message]: message = '' } = record.headers;
      ledger.note(requestId, { code, message }, clock.now());
    }
  }
}
