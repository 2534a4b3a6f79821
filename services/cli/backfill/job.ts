import type { LogProducer } from '@tandem/shared/log';
import { Collector } from './collector.ts';
import { IdleWatch } from './idle-watch.ts';
import { withDefaults, type BackfillOptions, type CompleteBackfillOptions } from './options.ts';
import { Pace } from './pace.ts';
import type { BackfillProgress } from './progress.ts';
import { prepare, type Prepared } from './recovery.ts';
import { Sender } from './sender.ts';
import { summarise, type BackfillSummary } from './summary.ts';

const SENDER_PAUSE_MS = 20;

/** One backfill: sends what the input has, collects what comes back. */
export class BackfillJob {
  readonly #options: CompleteBackfillOptions;
  readonly #prepared: Prepared;
  readonly #producer: LogProducer;
  readonly #idle: IdleWatch | undefined;
  readonly #sender: Sender;
  readonly #collector: Collector;
  readonly #stopSending = new AbortController();
  readonly #startedAt: number;
  #timers = new Set<() => void>();

  private constructor(options: CompleteBackfillOptions, prepared: Prepared, producer: LogProducer, idle: IdleWatch | undefined) {
    const { log, files, prefix, clock, rate, window, inFlight, dropDeadlines, deadLetterGraceMs, saveMs } = options;
    const { state, ledger, source } = prepared;
    this.#options = options;
    this.#prepared = prepared;
    this.#producer = producer;
    this.#idle = idle;
    this.#startedAt = clock.now();
    this.#collector = new Collector({ log, files, ledger, state, prefix, clock, deadLetterGraceMs, saveMs });
    this.#sender = new Sender({
      source, ledger, files, producer, prefix,
      pace: new Pace({ clock, rate, window, idle: idle === undefined ? undefined : (busy) => idle.idle(busy) }),
      parse: { job: state.job, idSuffix: state.idSuffix, dropDeadlines },
      maxInFlight: inFlight,
      pause: () => this.#wait(SENDER_PAUSE_MS),
      signal: this.#stopSending.signal,
    });
  }

  /** @throws {TandemError} what `prepare` throws; `unknown_topic` */
  static async open(given: BackfillOptions): Promise<BackfillJob> {
    const options = withDefaults(given);
    const { log, prefix, clock, whenIdle, onFault } = options;
    const prepared = await prepare(options);
    const idle = whenIdle ? new IdleWatch({ log, prefix, clock, onFault }) : undefined;
    await idle?.start();
    return new BackfillJob(options, prepared, await log.producer(), idle);
  }

  get progress(): BackfillProgress {
    const { ledger, state, source, resumed } = this.#prepared;
    const { valid, answered, answeredBefore, failures, outstanding, badLines } = ledger;
    return {
      job: state.job, resumed, read: source.progress(), exhausted: this.#sender.exhausted, valid, answered, answeredBefore, failed: failures.size,
      bad: Object.values(badLines).reduce((sum, count) => sum + count, 0),
      outstanding: Math.max(0, outstanding), waitingFor: this.#sender.waitingFor, seconds: (this.#options.clock.now() - this.#startedAt) / 1_000,
    };
  }

  /** Resolves when every valid line has its response, when nothing comes any more, or after the signal; the state is saved. */
  async run(signal: AbortSignal): Promise<BackfillSummary> {
    const stop = () => this.#stopSending.abort();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      await this.#untilDone(signal);
    } finally {
      stop();
      signal.removeEventListener('abort', stop);
      await this.#close();
    }
    return summarise(this.#prepared.ledger, this.progress, signal.aborted);
  }

  async #untilDone(signal: AbortSignal): Promise<void> {
    const sending = new Sending(this.#sender.run());
    try {
      await this.#collectUntilDone(sending, signal);
    } finally {
      this.#stopSending.abort();
      await sending.settled;
    }
    await this.#collector.collect();
    await this.#collector.save();
    await this.#reportFailures();
    // Whatever was in the way of a sender that was told to stop does not matter.
    if (sending.failure !== undefined && !signal.aborted) throw sending.failure;
  }

  async #collectUntilDone(sending: Sending, signal: AbortSignal): Promise<void> {
    const { clock, pollMs, patienceMs } = this.#options;
    const { ledger } = this.#prepared;
    let last = { moves: -1, at: clock.now() };
    while (sending.failure === undefined && !signal.aborted) {
      const allSent = sending.ended;
      await this.#collector.collect();
      if (allSent && ledger.outstanding <= 0) return;
      const moves = ledger.answered + ledger.sent;
      if (moves !== last.moves || ledger.outstanding <= 0) last = { moves, at: clock.now() };
      if (clock.now() - last.at > patienceMs) return;
      await this.#wait(pollMs);
    }
  }

  async #reportFailures(): Promise<void> {
    const lines = [...this.#prepared.ledger.failures].map(([requestId, failure]) => `${JSON.stringify({ requestId, ...failure })}\n`);
    if (lines.length > 0) await this.#options.files.reportErrors(lines.join(''));
  }

  async #close(): Promise<void> {
    for (const cancel of this.#timers) cancel();
    await Promise.all([this.#producer.close(), this.#idle?.close()]);
    await this.#options.files.close();
  }

  #wait(durationMs: number): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const cancel = clock.schedule(clock.now() + durationMs, () => {
        this.#timers.delete(cancel);
        resolve();
      });
      this.#timers.add(cancel);
    });
  }
}

/** What becomes of the sender. */
class Sending {
  readonly settled: Promise<void>;
  ended = false;
  failure: Error | undefined;

  constructor(run: Promise<void>) {
    this.settled = run
      .catch((error: unknown) => {
        this.failure = error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => {
        this.ended = true;
      });
  }
}
