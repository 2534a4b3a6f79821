import { dueAtOf, type StepResult } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import { isDecodingStart, SequenceSchedule, type BreakerPermit, type ChosenItem, type DecodingStart, type SequenceCall, type SequenceLimits } from '@tandem/shared/core';
import { TandemError } from '@tandem/shared/errors';
import type { Logger } from '@tandem/shared/telemetry';
import type { WorkerLimits, WorkerObserver } from '../options.ts';
import type { PendingWork, Submission } from '../pending-work.ts';
import type { ServedVariant } from '../served-variant.ts';
import type { Settler } from '../settler.ts';
import type { Suspects } from '../suspects.ts';
import type { CacheMemory } from './cache-memory.ts';
import { FastestToken } from './fastest-token.ts';
import type { DecodingUse } from './options.ts';
import { ProgressPace } from './progress-pace.ts';
import { answerSlate } from './slate-answer.ts';
import { newSlate, type Slate, type SlateSequence } from './slate.ts';
import { nextTokens, type NextTokens, type TokenSourceOptions } from './token-source.ts';
import { onceATurn } from '../once-a-turn.ts';

export interface DecodingRunnerOptions {
  served: ServedVariant;
  source: TokenSourceOptions;
  memory: CacheMemory;
  limits: SequenceLimits;
  clock: Clock;
  logger: Logger;
  observer: WorkerObserver;
  settler: Settler;
  suspects: Pick<Suspects, 'count'>;
  rules: Pick<WorkerLimits, 'maxThreadLosses' | 'maxSuspectRuns'>;
}

const ENGINE_GONE: ReadonlySet<string> = new Set(['engine_closed', 'variant_unloaded']);

/**
 * Decodes the slates of one variant, step by step: a free session takes a call of whoever is ready, so slates join and leave
 * between calls. Answers each piece of work once.
 */
export class DecodingRunner {
  readonly #options: DecodingRunnerOptions;
  /** Records are delivered many in one turn of the event loop: they shall meet in one call. */
  readonly #pumpSoon = onceATurn(() => this.#pump());
  readonly #schedule: SequenceSchedule<Slate>;
  readonly #byRequest = new Map<string, Set<SlateSequence>>();
  readonly #fastest = new FastestToken();
  readonly #pace = new ProgressPace();
  readonly #reported = { reusedTokens: 0, evictions: 0 };
  #calls = 0;
  #counting = 0;
  #cancelExpiry: () => void = () => undefined;
  #onIdle: (() => void)[] = [];

  constructor(options: DecodingRunnerOptions) {
    this.#options = options;
    this.#schedule = new SequenceSchedule(options.limits, (block) => options.memory.wipe(block));
  }

  /** @throws what the adapter throws on work that cannot be decoded; {RangeError} for what memory cannot hold */
  submit(submission: Submission): void {
    const { served, settler, clock, rules } = this.#options;
    const { work, suspicion } = submission;
    if (!served.breaker.admits(clock.now())) return settler.refused(submission);
    if (suspicion !== undefined && suspicion.attempt > rules.maxSuspectRuns) return settler.givenUp(submission, suspicion);
    const start = served.adapter.decoding!.start(work, served.variant);
    const pending: PendingWork = { ...submission, graph: this.#options.source.graph };
    if (!isDecodingStart(start)) return this.#answerAtOnce(pending, start);
    if (suspicion === undefined) return this.#add(pending, start);
    this.#counting += 1;
    void this.#options.suspects.count([suspicion]).then(() => {
      this.#counting -= 1;
      this.#add(pending, start);
    });
  }

  /** What waits or is under way of a request leaves, at the latest when its call ends. */
  cancel(requestId: string): void {
    for (const sequence of this.#byRequest.get(requestId) ?? []) if (this.#schedule.cancel(sequence)) this.#cancelled(sequence);
    this.#pumpSoon();
  }

  /** Resolves when nothing waits and nothing is under way. */
  idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  forget(isMeant: (owner: string) => boolean): void {
    this.#schedule.forget(isMeant);
  }

  expireRetained(usedBefore: number): void {
    this.#schedule.expireRetained(usedBefore);
    this.#report({});
  }

  #add(pending: PendingWork, start: DecodingStart): void {
    const { work, lane, tenant, suspicion, served } = pending;
    const { task } = work;
    const { userId, key, requestId, tier } = task;
    // Bulk passes through many users once: it leaves nothing where others could have left something.
    const owner = lane === 'bulk' ? undefined : (userId ?? (key === requestId ? undefined : key));
    const sequence = this.#schedule.add({
      payload: newSlate(pending, start), owner, prompt: start.prompt, count: start.count, lane, tier, tenant, deadlineAt: dueAtOf(work),
      enqueuedAt: this.#options.clock.now(), alone: (suspicion?.attempt ?? 0) > 1,
    });
    served.queued += 1;
    if (lane === 'bulk') served.bulkQueued += 1;
    const others = this.#byRequest.get(requestId);
    if (others === undefined) this.#byRequest.set(requestId, new Set([sequence]));
    else others.add(sequence);
    this.#pumpSoon();
  }

  #answerAtOnce(pending: PendingWork, result: StepResult): void {
    const { clock, observer } = this.#options;
    answerSlate(pending, result, { batchSize: 1, queueMs: Math.max(0, clock.now() - pending.work.dispatchedAt), computeMs: 0 }, observer);
    this.#options.settler.survived(pending);
  }

  #pump(): void {
    const { clock, limits, served } = this.#options;
    while (this.#calls < limits.sessions) {
      const now = clock.now();
      const { expired, preempted, call } = this.#schedule.next({ now, soonestTokenMs: this.#fastest.ms });
      for (const sequence of expired) this.#expired(sequence);
      if (preempted.length > 0) this.#report({ preemptions: preempted.length });
      if (call === undefined) break;
      const permit = served.breaker.begin(now);
      if (permit === undefined) this.#refuse(call);
      else void this.#run(call, permit);
    }
    this.#expireInTime();
    if (this.#isIdle) for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  /** What expires while every session is busy is answered then, not when one is free. */
  #expireInTime(): void {
    this.#cancelExpiry();
    const at = this.#schedule.nextExpiryAt;
    if (at === Infinity || this.#calls < this.#options.limits.sessions) return;
    this.#cancelExpiry = this.#options.clock.schedule(at, () => {
      for (const sequence of this.#schedule.expire({ now: this.#options.clock.now(), soonestTokenMs: this.#fastest.ms })) this.#expired(sequence);
      this.#pump();
    });
  }

  async #run(call: SequenceCall<Slate>, permit: BreakerPermit): Promise<void> {
    this.#calls += 1;
    for (const sequence of call.sequences) this.#beginRunning(sequence);
    try {
      const next = await nextTokens(this.#options.source, call);
      this.#advance(call, next);
      this.#conclude(permit, 'succeeded');
    } catch (error) {
      this.#fail(call, error);
      this.#conclude(permit, isGone(error) ? undefined : 'failed');
    }
    this.#calls -= 1;
    this.#pump();
  }

  #beginRunning({ asked: { payload, lane } }: SlateSequence): void {
    const { served, clock } = this.#options;
    if (payload.queueMs !== undefined) return;
    payload.queueMs = Math.max(0, clock.now() - payload.pending.work.dispatchedAt);
    served.queued -= 1;
    if (lane === 'bulk') served.bulkQueued -= 1;
    served.running += 1;
  }

  #advance({ kind, sequences }: SequenceCall<Slate>, { chosen, computeMs, drafted, accepted }: NextTokens): void {
    const { served, clock, observer } = this.#options;
    const [now, size] = [clock.now(), sequences.length];
    if (kind === 'step') this.#fastest.observe(computeMs / Math.max(...chosen.map(({ length }) => length)));
    let [tokens, promptTokens] = [0, 0];
    sequences.forEach((sequence, row) => {
      if (kind === 'prefill' || sequence.asked.payload.chosen.length === 0) promptTokens += sequence.missing;
      tokens += chosen[row]!.length;
      this.#advanceOne(sequence, chosen[row]!, { size, computeMs, now });
    });
    const queueMs = sequences.reduce((longest, { asked: { payload } }) => Math.max(longest, payload.queueMs ?? 0), 0);
    // A span for each of its steps would be more trace than work.
    const spans = kind === 'prefill' ? sequences.map(({ asked: { payload } }) => payload.pending.span) : [];
    observer.batch?.(served.name, size, queueMs, computeMs, spans);
    this.#report({ tokens, promptTokens, drafted, accepted });
  }

  #advanceOne(sequence: SlateSequence, chosen: readonly ChosenItem[], { size, computeMs, now }: { size: number; computeMs: number; now: number }): void {
    const { payload } = sequence.asked;
    payload.calls += 1;
    payload.companions += size;
    payload.computeMs += computeMs;
    payload.chosen.push(...chosen.slice(0, sequence.left));
    const ended = this.#schedule.advanced(sequence, chosen.map(({ item }) => item), now);
    if (ended === 'finished') this.#finished(sequence);
    else if (ended === 'cancelled') this.#cancelled(sequence);
    else this.#tell(sequence, now);
  }

  /** What it has so far, where its request wants to know. */
  #tell({ asked: { payload } }: SlateSequence, now: number): void {
    const { pending: { progress, work }, chosen, parts, calls, companions, queueMs = 0, computeMs } = payload;
    if (progress === undefined || !this.#pace.admits(payload.toldAt, now)) return;
    payload.toldAt = now;
    payload.parts += 1;
    const { served } = this.#options;
    progress(served.adapter.decoding!.result(chosen, work), { batchSize: Math.round(companions / calls), queueMs, computeMs }, parts);
  }

  /** Whoever failed in company runs again by himself, from his tokens; whoever fails alone is at fault. */
  #fail({ sequences }: SequenceCall<Slate>, error: unknown): void {
    const { rules, settler } = this.#options;
    const retries = error instanceof TandemError && error.retryable ? rules.maxThreadLosses : 0;
    for (const sequence of sequences) {
      const { payload } = sequence.asked;
      const inCompany = sequences.length > 1;
      if (!inCompany) payload.failures += 1;
      const ended = this.#schedule.failed(sequence, !isGone(error) && (inCompany || payload.failures <= retries) ? 'alone' : 'never');
      if (ended === 'cancelled') this.#cancelled(sequence);
      if (ended !== 'left') continue;
      this.#forgetRequest(sequence);
      if (isGone(error)) settler.handedBack([payload.pending], error, false);
      else settler.failed(payload.pending, error);
    }
  }

  #finished(sequence: SlateSequence): void {
    const { served, observer, settler, clock } = this.#options;
    const { pending, chosen, calls, companions, queueMs = 0, computeMs, parts } = sequence.asked.payload;
    this.#forgetRequest(sequence);
    served.running -= 1;
    const batchSize = Math.round(companions / calls);
    // To schedulers a slate is what a batch is elsewhere: with so many others it takes so long.
    served.batchDone(batchSize, computeMs, queueMs, clock.now());
    const result = served.adapter.decoding!.result(chosen, pending.work);
    answerSlate(pending, result, { batchSize, queueMs, computeMs }, observer, parts);
    settler.survived(pending);
  }

  #expired(sequence: SlateSequence): void {
    this.#leave(sequence);
    this.#options.settler.expired(sequence.asked.payload.pending);
  }

  #cancelled(sequence: SlateSequence): void {
    this.#leave(sequence);
    this.#options.settler.cancelled(sequence.asked.payload.pending);
  }

  /** The variant is taken out: what waits is better off elsewhere. */
  #refuse(call: SequenceCall<Slate>): void {
    for (const sequence of call.sequences) this.#schedule.failed(sequence, 'never');
    for (const sequence of [...call.sequences, ...this.#schedule.takeAll(this.#options.clock.now())]) {
      this.#leave(sequence);
      this.#options.settler.refused(sequence.asked.payload.pending);
    }
  }

  #leave(sequence: SlateSequence): void {
    const { served } = this.#options;
    const { payload, lane } = sequence.asked;
    this.#forgetRequest(sequence);
    if (payload.queueMs !== undefined) served.running -= 1;
    else {
      served.queued -= 1;
      if (lane === 'bulk') served.bulkQueued -= 1;
    }
  }

  #forgetRequest(sequence: SlateSequence): void {
    const { requestId } = sequence.asked.payload.pending.work.task;
    const sequences = this.#byRequest.get(requestId);
    sequences?.delete(sequence);
    if (sequences?.size === 0) this.#byRequest.delete(requestId);
  }

  #conclude(permit: BreakerPermit, verdict: 'succeeded' | 'failed' | undefined): void {
    const { served, clock, observer, logger } = this.#options;
    const before = served.breaker.state(clock.now());
    if (verdict === 'succeeded') served.breaker.succeeded(permit);
    else if (verdict === 'failed') served.breaker.failed(permit, clock.now());
    else served.breaker.withdrawn(permit);
    const state = served.breaker.state(clock.now());
    if (state === before) return;
    observer.breaker?.(state, served.name);
    if (state === 'closed') logger.info({ variant: served.name }, 'the variant works again');
    if (state === 'open') logger.error({ variant: served.name }, 'the variant has failed repeatedly and is taken out for a while');
  }

  #report(use: DecodingUse): void {
    const { observer, served, memory } = this.#options;
    const { reusedTokens, evictions, usedBlocks, underWay, waiting } = this.#schedule;
    const since = { reusedTokens: reusedTokens - this.#reported.reusedTokens, evictions: evictions - this.#reported.evictions };
    Object.assign(this.#reported, { reusedTokens, evictions });
    observer.decoding?.(served.name, { ...use, ...since, bytes: usedBlocks * memory.blockBytes, underWay, waiting });
  }

  get #isIdle(): boolean {
    return this.#schedule.waiting + this.#schedule.underWay + this.#calls + this.#counting === 0;
  }
}

function isGone(error: unknown): error is TandemError {
  return error instanceof TandemError && ENGINE_GONE.has(error.code);
}
