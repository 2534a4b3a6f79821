import { setTimeout as delay } from 'node:timers/promises';
import type { TaskKind } from '@tandem/schemas';
import type { Arrivals } from '@tandem/shared/random';
import { judge, type Judged, type Received, type Sent } from './judge.ts';
import type { Traffic, TrafficRequest } from './traffic.ts';

/** What requests ask for beside their input. */
export interface Ask {
  task: TaskKind;
  deadlineMs: number;
}

export interface Offer extends Ask {
  traffic: Traffic;
  arrivals: Arrivals;
  /** Requests are due for so long, or until there are `count`. */
  seconds: number;
  count?: number;
  /** No more are sent once it says true of an answer. */
  until?: (answer: Buffer) => boolean;
  /** Ends the wait for answers where none has come for so long. @default 1500 */
  quietMs?: number;
  /** Ends the wait for answers at the latest. @default 10000 */
  patienceMs?: number;
}

/** A request that is due now. `number` is unique in the loop's life. */
export interface DueRequest extends Ask {
  number: number;
  request: TrafficRequest;
}

/** Somebody whom requests can be offered to. */
export interface Load extends AsyncDisposable {
  /** Sends, waits for the answers, and says what came of it. */
  offer(offer: Offer): Promise<Judged>;
}

/** Requests that have become due leave together this often; their latencies count from when each was due. */
const TICK_MS = 2;
const CHECK_MS = 5;

/**
 * An open loop: requests leave when they are due, however slow the answers are, and latencies count from then (no coordinated
 * omission). Answers are only noted while requests are sent, and read afterwards.
 */
export class OpenLoop {
  readonly #sloMs: number;
  readonly #dispatch: (requests: readonly DueRequest[]) => void;
  #sent: Sent[] = [];
  #received: Received[] = [];
  #lastAnswerAt = 0;
  /** Requests of earlier offers: answers to them are strangers. */
  #base = 0;
  #until: Offer['until'];
  #over = false;
  #failure: unknown;

  /** @param dispatch sends, without waiting for an answer */
  constructor(sloMs: number, dispatch: (requests: readonly DueRequest[]) => void) {
    this.#sloMs = sloMs;
    this.#dispatch = dispatch;
  }

  async offer(offer: Offer): Promise<Judged> {
    this.#base += this.#sent.length;
    this.#sent = [];
    this.#received = [];
    this.#until = offer.until;
    this.#over = false;
    const seconds = await this.#send(offer);
    await this.#settle(offer);
    if (this.#failure !== undefined) throw new Error('the load generator could not send', { cause: this.#failure });
    return judge(this.#sent, this.#received, { seconds, sloMs: this.#sloMs });
  }

  /** Hand in each answer as soon as it is there. */
  answered(number: number, value: Buffer): void {
    const index = number - this.#base;
    if (!(index >= 0)) return;
    this.#lastAnswerAt = performance.now();
    this.#received.push({ index, at: this.#lastAnswerAt, value });
    this.#over ||= this.#until?.(value) === true;
  }

  /** The offer ends with an error. */
  failed(error: unknown): void {
    this.#failure = error;
  }

  async #send({ traffic, arrivals, seconds, count = Infinity, task, deadlineMs }: Offer): Promise<number> {
    const startedAt = performance.now();
    let dueAfter = arrivals.next();
    while (!this.#over && this.#sent.length < count && dueAfter < seconds * 1_000) {
      const due: DueRequest[] = [];
      const elapsed = performance.now() - startedAt;
      for (; dueAfter <= elapsed && dueAfter < seconds * 1_000 && this.#sent.length < count; dueAfter = arrivals.next()) {
        const request = traffic.next();
        due.push({ number: this.#base + this.#sent.length, request, task, deadlineMs });
        this.#sent.push({ dueAt: startedAt + dueAfter, target: request.target, event: request.event });
      }
      if (due.length > 0) this.#dispatch(due);
      await delay(TICK_MS);
    }
    return Number.isFinite(count) ? (performance.now() - startedAt) / 1_000 : seconds;
  }

  async #settle({ quietMs = 1_500, patienceMs = 10_000 }: Offer): Promise<void> {
    const startedAt = performance.now();
    const quietFor = () => performance.now() - Math.max(startedAt, this.#lastAnswerAt);
    while (this.#received.length < this.#sent.length && quietFor() < quietMs && performance.now() - startedAt < patienceMs) await delay(CHECK_MS);
  }
}
