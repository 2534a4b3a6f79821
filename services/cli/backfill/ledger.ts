import type { Response } from '@tandem/schemas';
import { ANSWERED, IdTable, SEEN, SENT } from './id-table.ts';

/** A request that got a dead letter instead of a response, so far. */
export interface Failure {
  code: string;
  message: string;
}

interface Noted extends Failure {
  notedAt: number;
}

type Counts = Record<string, number>;

/** What has become of each line and each request of a job. */
export class Ledger {
  readonly #ids = new IdTable();
  /** A dead letter was seen, but there may be an answer all the same: a duplicate's original, a part that was late. */
  readonly #noted = new Map<string, Noted>();
  readonly failures = new Map<string, Failure>();
  lines = 0;
  /** Valid lines read so far. */
  valid = 0;
  /** Requests in the log, or on their way there. */
  sent = 0;
  /** Of those, sent by an earlier run. */
  sentBefore = 0;
  answered = 0;
  answeredBefore = 0;
  readonly badLines: Counts = {};
  readonly statuses: Counts = {};
  readonly reasons: Counts = {};
  readonly errors: Counts = {};

  /** In the log without an answer. */
  get outstanding(): number {
    return this.sent - this.answered - this.failures.size;
  }

  /** False: another line of the input has that id. */
  seen(requestId: string): boolean {
    if ((this.#ids.mark(requestId, SEEN) & SEEN) !== 0) return false;
    this.valid += 1;
    return true;
  }

  isSent(requestId: string): boolean {
    return (this.#ids.get(requestId) & SENT) !== 0;
  }

  bad(code: string): void {
    increment(this.badLines, code);
  }

  markSent(requestId: string): void {
    if ((this.#ids.mark(requestId, SENT) & SENT) === 0) this.sent += 1;
  }

  /** Whether the response is the first one of a request of ours. */
  expects(requestId: string): boolean {
    const marks = this.#ids.get(requestId);
    return (marks & SENT) !== 0 && (marks & ANSWERED) === 0;
  }

  markAnswered({ requestId, status, reason, error }: Pick<Response, 'requestId' | 'status' | 'reason' | 'error'>): void {
    if ((this.#ids.mark(requestId, ANSWERED) & ANSWERED) !== 0) return;
    this.answered += 1;
    this.failures.delete(requestId);
    this.#noted.delete(requestId);
    increment(this.statuses, status);
    if (reason !== undefined) increment(this.reasons, reason);
    if (error !== undefined) increment(this.errors, error.code);
  }

  /** A dead letter of the request was seen. */
  note(requestId: string, failure: Failure, now: number): void {
    if (this.expects(requestId) && !this.failures.has(requestId)) this.#noted.set(requestId, { ...failure, notedAt: now });
  }

  /** Gives up requests whose dead letter was seen before a time, and that have no answer since. */
  giveUp(before: number): [requestId: string, failure: Failure][] {
    const given: [string, Failure][] = [];
    for (const [requestId, { code, message, notedAt }] of this.#noted) {
      if (notedAt > before) continue;
      this.#noted.delete(requestId);
      this.failures.set(requestId, { code, message });
      given.push([requestId, { code, message }]);
    }
    return given;
  }
}

function increment(counts: Counts, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
