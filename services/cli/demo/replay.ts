import { randomUUID } from 'node:crypto';
import type { Response, Workload } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import type { EventLog, LogConsumer, LogProducer, OutgoingRecord } from '@tandem/shared/log';
import { modelRoles } from './answer-kind.ts';
import { closedLoop, openLoop, type Pacer } from './pacing.ts';
import { preciseClock } from './precise-clock.ts';
import { ReplayMessages, itemAt } from './replay-messages.ts';
import type { PlannedUser, ReplayPlan } from './replay-plan.ts';
import { openInbox } from './response-inbox.ts';
import { ReplayStatistics, type Figures } from './statistics.ts';
import { WarmUp } from './warm-up.ts';

export interface ReplayOptions {
  log: EventLog;
  /** Of the topics. */
  prefix: string;
  /** Its name goes into the requests; its plans tell small models from large ones. */
  workload: Pick<Workload, 'name' | 'plans'>;
  plan: ReplayPlan;
  /** Requests per second by schedule (open loop), or as fast as answers come (closed loop). */
  rate: number | 'max';
  /** A hint on every request; the workload's default holds where absent. */
  deadlineMs?: number | undefined;
  /** In every user and request id. @default random */
  run?: string | undefined;
  /** Requests without an answer that `max` allows. @default 256 */
  maxOutstanding?: number;
  /** After the last request: how long without an answer until the rest counts as missing. @default 15000 */
  quietMs?: number;
  /** How long the flow may take to know what was sent beforehand. @default 120000 */
  patienceMs?: number;
  /** Events whose responses are kept for the outcome. */
  keep?: readonly number[];
  /** Ends the replay early, with what there is. */
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: ReplayProgress) => void) | undefined;
  /** @default 250 */
  progressIntervalMs?: number;
  clock?: Clock;
}

export type ReplayPhase = 'preloading' | 'warming up' | 'replaying';

export interface ReplayProgress {
  phase: ReplayPhase;
  /** Interactions sent before the replay. */
  preloaded: number;
  toPreload: number;
  /** Since the first request. */
  seconds: number;
  figures: Figures;
}

export interface ReplayOutcome {
  run: string;
  figures: Figures;
  /** From the first request until the last answer. */
  seconds: number;
  /** Requests sent that never got an answer. */
  missing: number;
  aborted: boolean;
  /** False: the flow did not catch up with the interactions sent beforehand; the first answers may rest on less. */
  warm: boolean;
  /** By event. */
  kept: ReadonlyMap<number, Response>;
}

const PRELOAD_CHUNK = 2_000;
const WARM_UP_USERS = 32;
const WARM_UP_DEADLINE_MS = 30_000;
/** Beyond the deadline: on a machine that others use up, stages take a while to start. */
const SILENCE_MS = 60_000;
const CHECK_MS = 250;
const UNANSWERED = 0;
const ANSWERED = 1;

class Replay {
  readonly #options: ReplayOptions;
  readonly #clock: Clock;
  readonly #run: string;
  readonly #messages: ReplayMessages;
  readonly #statistics: ReplayStatistics;
  readonly #states: Uint8Array;
  readonly #dueAt: Float64Array;
  readonly #kept = new Map<number, Response>();
  readonly #keep: ReadonlySet<number>;
  readonly #over = Promise.withResolvers<void>();
  readonly #pacer: Pacer;
  readonly #warmUsers: readonly PlannedUser[];
  readonly #toPreload: number;
  #producer: LogProducer | undefined;
  #inbox: LogConsumer | undefined;
  #warmUp: WarmUp | undefined;
  #phase: ReplayPhase = 'preloading';
  #preloaded = 0;
  #warm = true;
  #startedAt = 0;
  #lastAnswerAt = 0;
  #lastActivityAt = 0;

  constructor(options: ReplayOptions) {
    const { plan, workload, prefix, deadlineMs, run = `demo-${randomUUID().slice(0, 8)}`, clock = preciseClock } = options;
    this.#options = options;
    this.#clock = clock;
    this.#run = run;
    this.#messages = new ReplayMessages(plan, { prefix, run, workload: workload.name, deadlineMs });
    this.#statistics = new ReplayStatistics(plan.events.length, modelRoles(workload));
    this.#states = new Uint8Array(plan.events.length);
    this.#dueAt = new Float64Array(plan.events.length);
    this.#keep = new Set(options.keep);
    this.#toPreload = plan.users.reduce((sum, { preloaded }) => sum + preloaded, 0);
    // The users whose interactions are sent last: once these are known, all are.
    this.#warmUsers = plan.users.filter(({ preloaded }) => preloaded > 0).slice(-WARM_UP_USERS);
    this.#pacer = this.#createPacer();
  }

  async run(): Promise<ReplayOutcome> {
    const { signal, onProgress, progressIntervalMs = 250 } = this.#options;
    const progress = onProgress && setInterval(() => onProgress(this.#progress()), progressIntervalMs);
    const onAbort = () => this.#over.resolve();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await this.#open();
      await this.#preload();
      await this.#warmUpFlow();
      await this.#replay();
      onProgress?.(this.#progress());
      return this.#outcome();
    } finally {
      clearInterval(progress);
      signal?.removeEventListener('abort', onAbort);
      await Promise.allSettled([this.#inbox?.close(), this.#producer?.close()]);
    }
  }

  /** The consumer has joined before anything is sent, so it misses no answer. */
  async #open(): Promise<void> {
    const { log, prefix } = this.#options;
    this.#inbox = await openInbox({
      log, prefix, run: this.#run,
      onResponse: (response) => this.#receive(response),
      // The consumer restarts by itself and reads on from where it was.
      onFault: () => undefined,
    });
    this.#producer = await log.producer();
  }

  async #preload(): Promise<void> {
    let chunk: OutgoingRecord[] = [];
    for (const user of this.#options.plan.users) {
      for (let position = 0; position < user.preloaded; position += 1) chunk.push(this.#messages.interaction(user, position));
      if (chunk.length < PRELOAD_CHUNK) continue;
      await this.#sendPreload(chunk);
      chunk = [];
    }
    await this.#sendPreload(chunk);
  }

  async #sendPreload(chunk: readonly OutgoingRecord[]): Promise<void> {
    if (this.#aborted) return;
    await this.#producer!.send(chunk);
    this.#preloaded += chunk.length;
  }

  async #warmUpFlow(): Promise<void> {
    const users = this.#warmUsers;
    if (users.length === 0 || this.#aborted) return;
    this.#phase = 'warming up';
    this.#warmUp = new WarmUp({
      clock: this.#clock,
      size: users.length,
      request: (name, index) => this.#messages.warmUpRequest(users[index]!, name, WARM_UP_DEADLINE_MS),
      send: (records) => this.#producer!.send(records),
      patienceMs: this.#options.patienceMs ?? 120_000,
      silenceMs: SILENCE_MS,
      signal: this.#options.signal,
    });
    this.#warm = await this.#warmUp.run().catch((error: unknown) => {
      if (this.#aborted) return false;
      throw error;
    });
    this.#warmUp = undefined;
  }

  async #replay(): Promise<void> {
    if (this.#aborted) return;
    this.#phase = 'replaying';
    this.#startedAt = this.#lastAnswerAt = this.#lastActivityAt = this.#clock.now();
    const watch = setInterval(() => this.#endIfQuiet(), CHECK_MS);
    if (this.#options.plan.events.length === 0) this.#over.resolve();
    this.#pacer.start();
    try {
      await this.#over.promise;
    } finally {
      clearInterval(watch);
      this.#pacer.stop();
    }
  }

  #createPacer(): Pacer {
    const { plan: { events }, rate, maxOutstanding = 256 } = this.#options;
    const shared = { total: events.length, clock: this.#clock, send: (index: number, dueAt: number) => this.#send(index, dueAt) };
    if (rate === 'max') return closedLoop({ ...shared, maxOutstanding });
    return openLoop({ ...shared, dueAfterMs: (index) => (events[index]!.at / rate) * 1_000 });
  }

  /** The request, and right behind it the interaction that it had to predict. */
  #send(index: number, dueAt: number): void {
    const { events, users } = this.#options.plan;
    const { user, position } = events[index]!;
    this.#dueAt[index] = dueAt;
    this.#statistics.sent += 1;
    this.#lastActivityAt = this.#clock.now();
    const records = [this.#messages.request(index), this.#messages.interaction(users[user]!, position)];
    this.#producer!.send(records).catch((error: unknown) => this.#over.reject(error));
  }

  #receive(response: Response): void {
    const name = this.#messages.nameOf(response.requestId);
    const index = name === undefined ? undefined : this.#messages.eventOf(name);
    if (index !== undefined) this.#answered(index, response);
    else if (name === undefined) this.#statistics.strangers += 1;
    else this.#warmUp?.heard(name, response);
  }

  #answered(index: number, response: Response): void {
    if (this.#states[index] !== UNANSWERED) {
      this.#statistics.duplicates += 1;
      return;
    }
    const { events, users } = this.#options.plan;
    const { user, position, task } = events[index]!;
    this.#states[index] = ANSWERED;
    this.#lastAnswerAt = this.#lastActivityAt = this.#clock.now();
    this.#statistics.answered(response, this.#lastAnswerAt - this.#dueAt[index]!, { itemId: itemAt(users[user]!, position), drawn: task !== undefined });
    if (this.#keep.has(index)) this.#kept.set(index, response);
    if (this.#statistics.responses === events.length) this.#over.resolve();
    this.#pacer.answered();
  }

  #endIfQuiet(): void {
    const { rate, quietMs = 15_000 } = this.#options;
    const waitsForAnswersOnly = this.#pacer.allSent || rate === 'max';
    if (waitsForAnswersOnly && this.#clock.now() - this.#lastActivityAt > quietMs) this.#over.resolve();
  }

  get #aborted(): boolean {
    return this.#options.signal?.aborted === true;
  }

  #progress(): ReplayProgress {
    const seconds = this.#phase === 'replaying' ? (this.#clock.now() - this.#startedAt) / 1_000 : 0;
    return { phase: this.#phase, preloaded: this.#preloaded, toPreload: this.#toPreload, seconds, figures: this.#statistics.figures() };
  }

  #outcome(): ReplayOutcome {
    const figures = this.#statistics.figures();
    return {
      run: this.#run,
      figures,
      seconds: (this.#lastAnswerAt - this.#startedAt) / 1_000,
      missing: figures.sent - figures.responses,
      aborted: this.#aborted,
      warm: this.#warm,
      kept: this.#kept,
    };
  }
}

/**
 * Sends a plan's events through the flow and judges the answers, as docs/replay.md describes. The stages are
 * running already, here or elsewhere.
 * @throws {TandemError} `flow_silent`; what the log throws
 */
export async function runReplay(options: ReplayOptions): Promise<ReplayOutcome> {
  return new Replay(options).run();
}
