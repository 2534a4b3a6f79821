import type { Response } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import { TandemError } from '@tandem/shared/errors';
import type { OutgoingRecord } from '@tandem/shared/log';

export interface WarmUpOptions {
  clock: Clock;
  /** How many requests are asked in a round. */
  size: number;
  /** @param name to appear in the request's id, and to be handed back with the answer */
  request: (name: string, index: number) => OutgoingRecord;
  send: (records: readonly OutgoingRecord[]) => Promise<void>;
  /** Rounds are repeated for so long, as long as there are answers. */
  patienceMs: number;
  /** Without any answer it is given up after so long. */
  silenceMs: number;
  signal: AbortSignal | undefined;
}

const ROUND_MS = 2_000;
const MIN_ROUND_MS = 100;

/** Before anything is judged: all interactions sent beforehand are known to the flow, and models are loaded. */
export class WarmUp {
  readonly #options: WarmUpOptions;
  #waiting = new Set<string>();
  #heardAnything = false;
  #allWell = true;
  #roundOver = Promise.withResolvers<void>();

  constructor(options: WarmUpOptions) {
    this.#options = options;
  }

  /** Hand in the answers to the warm-up's requests; those of an earlier round tell only that somebody answers. */
  heard(name: string, { status, reason }: Pick<Response, 'status' | 'reason'>): void {
    this.#heardAnything = true;
    if (!this.#waiting.delete(name)) return;
    // A flow that does not know the interactions yet says features_stale, or takes the user for a new one.
    this.#allWell &&= status === 'complete' && reason === undefined;
    if (this.#waiting.size === 0) this.#roundOver.resolve();
  }

  /**
   * True: a whole round was answered completely, with exact features. False: not within the patience.
   * @throws {TandemError} `flow_silent` where nothing answered at all
   */
  async run(): Promise<boolean> {
    const { clock, patienceMs, silenceMs, signal } = this.#options;
    const startedAt = clock.now();
    const until = () => startedAt + (this.#heardAnything ? patienceMs : Math.min(silenceMs, patienceMs));
    for (let round = 0; clock.now() < until(); round += 1) {
      signal?.throwIfAborted();
      if (await this.#round(round, until())) return true;
    }
    if (this.#heardAnything) return false;
    throw new TandemError(`no stage answered within ${Math.round((clock.now() - startedAt) / 1_000)} s: are a classifier, a scheduler, a worker and a fusion stage running, on the same log and with the same prefix?`, { code: 'flow_silent', retryable: true });
  }

  async #round(round: number, until: number): Promise<boolean> {
    const { clock, size, request, send, signal } = this.#options;
    const names = Array.from({ length: size }, (_, index) => `warm-${round}-${index}`);
    this.#waiting = new Set(names);
    this.#allWell = true;
    this.#roundOver = Promise.withResolvers<void>();
    const startedAt = clock.now();
    const end = () => this.#roundOver.resolve();
    const cancel = clock.schedule(Math.min(startedAt + ROUND_MS, until), end);
    signal?.addEventListener('abort', end, { once: true });
    await send(names.map(request));
    await this.#roundOver.promise;
    cancel();
    signal?.removeEventListener('abort', end);
    const well = this.#waiting.size === 0 && this.#allWell;
    if (!well) await this.#until(startedAt + MIN_ROUND_MS);
    return well;
  }

  #until(at: number): Promise<void> {
    return new Promise((resolve) => this.#options.clock.schedule(at, resolve));
  }
}
