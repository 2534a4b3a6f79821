import { dueAtOf, isOverdue } from '@tandem/schemas';
import { wait, type Clock } from '@tandem/shared/clock';
import {
  BatchQueue, BatchTimeModel, formLiveBatch, takeExpired, whenToForm,
  type BatchSituation, type BreakerPermit, type QueuedWork, type QueueEntry,
} from '@tandem/shared/core';
import type { Logger } from '@tandem/shared/telemetry';
import { runBatch, type BatchSink, type RunRules } from './batch-runner.ts';
import type { WorkerLimits, WorkerObserver } from './options.ts';
import type { PendingWork, Submission } from './pending-work.ts';
import type { ServedVariant } from './served-variant.ts';
import { Sessions, type RunningBatch } from './sessions.ts';
import { Settler } from './settler.ts';
import { SoloQueue } from './solo-queue.ts';
import type { Suspects } from './suspects.ts';
import { Waiting } from './waiting.ts';
import { onceATurn } from './once-a-turn.ts';

export interface DispatcherOptions {
  /** Sessions that run at once. */
  concurrency: number;
  /** Sessions of bulk alone, which give way to all others: bulk runs nowhere else then. @default 0 */
  backgroundConcurrency?: number | undefined;
  clock: Clock;
  limits: WorkerLimits;
  observer: WorkerObserver;
  suspects: Pick<Suspects, 'count' | 'clear'>;
  logger: Logger;
}

/** Work of one variant, graph and length bucket that runs together. */
interface FormedBatch {
  group: string;
  pending: readonly PendingWork[];
  startsAt: number;
}

interface Waiter {
  pending: PendingWork;
  /** Undefined: it waits to run alone. */
  entry: QueueEntry<PendingWork> | undefined;
}

/** Holds work, forms batches whenever a session is or is about to be free, and sees to it that each is answered. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  /** Records are delivered many in one turn of the event loop: they shall meet in one batch. */
  readonly #pumpSoon = onceATurn(() => this.#pump());
  readonly #queue: BatchQueue<PendingWork>;
  readonly #solo: SoloQueue;
  readonly #waiting = new Waiting<Waiter>();
  readonly #times = new BatchTimeModel();
  readonly #sessions: Sessions;
  readonly #background: Sessions | undefined;
  readonly #rules: Omit<RunRules, 'background'>;
  readonly #settler: Settler;
  /** No batch begins while somebody waits for the running ones of a variant to end. */
  readonly #switches = new Set<() => boolean>();
  #onIdle: (() => void)[] = [];
  #cancelTimer: () => void = () => undefined;
  #cancelExpiry: () => void = () => undefined;
  /** What is set to look for expired work, epoch ms. */
  #expiryAt = Infinity;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    const { clock, limits, observer, suspects, concurrency, backgroundConcurrency: bulk = 0 } = options;
    this.#sessions = new Sessions({ count: concurrency, ...(bulk > 0 ? { lane: 'interactive' } : {}) });
    this.#background = bulk > 0 ? new Sessions({ count: bulk, lane: 'bulk', background: true }) : undefined;
    const pause = (durationMs: number) => wait(clock, durationMs);
    this.#rules = { maxThreadLosses: limits.maxThreadLosses, pause };
    this.#queue = new BatchQueue(limits);
    this.#solo = new SoloQueue(limits.maxSuspectRuns);
    this.#settler = new Settler({ clock, observer, survived: (suspicions) => suspects.clear(suspicions) });
  }

  /** @throws what the adapter throws on work that it cannot even measure */
  submit(submission: Submission): void {
    const { work, served, suspicion } = submission;
    const { clock, limits } = this.#options;
    if (!served.breaker.admits(clock.now())) return this.#settler.refused(submission);
    if (suspicion !== undefined && suspicion.attempt > limits.maxSuspectRuns) return this.#settler.givenUp(submission, suspicion);
    if (served.prefixes !== undefined) served.prefixes.isOverloaded = this.#queue.isOverloaded(clock.now());
    const { graph, group } = served.place(work);
    if (limits.whenFull === 'reject' && served.queued >= limits.maxQueueSize) return this.#settler.expired(submission);
    this.#enqueue({ ...submission, graph }, group);
    this.#pumpSoon();
  }

  /** What waits of a request is dropped; what runs goes on, and nobody will look at it. */
  cancel(requestId: string): void {
    for (const { pending, entry } of this.#waiting.take(requestId)) {
      if (entry === undefined ? !this.#solo.remove(pending) : !this.#queue.remove(entry)) continue;
      this.#uncount(pending);
      this.#settler.cancelled(pending);
    }
    this.#pumpSoon();
  }

  /** Resolves when nothing waits and nothing runs. */
  idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /**
   * Runs it when no batch of the variant runs; none begins before. What waits goes on afterwards.
   * @returns false: they have not ended within `patienceMs`, and it has not been run
   */
  betweenBatches(served: ServedVariant, action: () => void, patienceMs: number): Promise<boolean> {
    const { clock } = this.#options;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const end = (done: boolean) => {
      cancel();
      this.#switches.delete(attempt);
      resolve(done);
      this.#pumpSoon();
    };
    const attempt = () => {
      if (this.#sessions.runs(served) || this.#background?.runs(served) === true) return false;
      action();
      end(true);
      return true;
    };
    const cancel = clock.schedule(clock.now() + patienceMs, () => end(false));
    this.#switches.add(attempt);
    this.#pumpSoon();
    return promise;
  }

  #enqueue(pending: PendingWork, group: string): void {
    const { work, served, lane, suspicion, tenant } = pending;
    const { tier } = work.task;
    served.queued += 1;
    if (lane === 'bulk') served.bulkQueued += 1;
    let entry: QueueEntry<PendingWork> | undefined;
    if (suspicion !== undefined && suspicion.attempt > 1) this.#solo.push(pending);
    else entry = this.#queue.add({ payload: pending, group, lane, tier, tenant, deadlineAt: dueAtOf(work), enqueuedAt: this.#options.clock.now() });
    this.#waiting.add(work.task.requestId, { pending, entry });
  }

  #pump(): void {
    this.#cancelTimer();
    for (const attempt of this.#switches) {
      if (attempt()) continue;
      this.#expire(takeExpired(this.#queue, this.#situation(this.#sessions)));
      return this.#expireInTime();
    }
    this.#runSolo();
    this.#pumpAt(Math.min(this.#fill(this.#sessions), this.#background === undefined ? Infinity : this.#fill(this.#background)));
    this.#expireInTime();
    if (this.#isIdle) for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  /** Runs batches for as long as there is a session, and work that should not wait. @returns when to look again, epoch ms; Infinity: when something changes */
  #fill(sessions: Sessions): number {
    while (!this.#solo.holdsOthers && sessions.running <= sessions.count) {
      const situation = this.#situation(sessions);
      this.#expire(takeExpired(this.#queue, situation));
      const mayFormAt = whenToForm(this.#queue, situation, sessions.running);
      if (mayFormAt > situation.now) return mayFormAt;
      const { expired, batch, waitUntil } = formLiveBatch(this.#queue, situation);
      this.#expire(expired);
      if (batch === undefined) return waitUntil ?? Infinity;
      void this.#run({ group: batch.group, pending: batch.work.map(({ payload }) => payload), startsAt: situation.startsAt }, sessions);
    }
    return Infinity;
  }

  /** What expires while every session is busy is answered then, not when one is free. */
  #expireInTime(): void {
    const at = this.#queue.nextExpiryAt;
    if (at >= this.#expiryAt && at < Infinity) return;
    this.#cancelExpiry();
    this.#expiryAt = at;
    if (at === Infinity) return;
    this.#cancelExpiry = this.#options.clock.schedule(at, () => {
      this.#expiryAt = Infinity;
      // Also where no batch may be formed: else this would be due again at once, until one may.
      this.#expire(takeExpired(this.#queue, this.#situation(this.#sessions)));
      this.#pump();
    });
  }

  #runSolo(): void {
    const { clock } = this.#options;
    const pending = this.#solo.next(this.#running, this.#sessions.count);
    if (pending === undefined) return;
    const { served, graph, work } = pending;
    if (isOverdue(work, clock.now())) {
      this.#solo.done(pending);
      this.#leave(pending);
      this.#settler.expired(pending);
      return this.#runSolo();
    }
    void this.#run({ group: `${served.name}|${graph}|alone`, pending: [pending], startsAt: clock.now() }, this.#sessions);
  }

  #situation(sessions: Sessions): BatchSituation {
    const { clock, limits } = this.#options;
    const now = clock.now();
    return { now, startsAt: sessions.freeAt(now), sessions: sessions.count, lane: sessions.lane, bulkRunning: sessions.runningBulk, times: this.#times, limits };
  }

  #pumpAt(at: number): void {
    this.#cancelTimer();
    if (at < Infinity) this.#cancelTimer = this.#options.clock.schedule(at, () => this.#pump());
  }

  async #run(batch: FormedBatch, sessions: Sessions): Promise<void> {
    const { group, pending, startsAt } = batch;
    const { served, lane } = pending[0]!;
    for (const one of pending) this.#leave(one);
    const permit = served.breaker.begin(this.#options.clock.now());
    if (permit === undefined) {
      for (const one of pending) this.#refuse(one);
      return;
    }
    const running = sessions.begin({ served, lane, endsAt: startsAt + (this.#times.predict(group, pending.length) ?? 0) }, this.#options.clock.now());
    served.running += pending.length;
    if (sessions.background) served.runningInBackground += pending.length;
    await this.#infer(batch, permit, sessions, running);
    if (sessions.background) served.runningInBackground -= pending.length;
    for (const one of pending) this.#solo.done(one);
    sessions.end(running, this.#options.clock.now());
    this.#pump();
  }

  async #infer({ group, pending }: FormedBatch, permit: BreakerPermit, sessions: Sessions, running: RunningBatch): Promise<void> {
    const { clock, suspects } = this.#options;
    const served = pending[0]!.served;
    const left = new Set(pending);
    let verdict: 'succeeded' | 'failed' | undefined;
    const sink: BatchSink = {
      completed: (ran, result) => {
        verdict = 'succeeded';
        const ranAs = result.kind === undefined ? group : served.groupOf(ran[0]!.graph, result.kind);
        this.#times.observe(ranAs, ran.length, sessions.kept(running, result.computeMs, clock.now()), clock.now());
        for (const one of ran) left.delete(one);
        this.#settler.completed(ran, result);
      },
      failed: (one, error) => {
        verdict ??= 'failed';
        left.delete(one);
        if (permit.isProbe) this.#refuseRun(one, error);
        else this.#settler.failed(one, error);
      },
      handedBack: (all, error, failed) => {
        for (const one of all) left.delete(one);
        this.#settler.handedBack(all, error, failed);
      },
    };
    try {
      const suspicions = pending.flatMap(({ suspicion }) => suspicion ?? []);
      if (suspicions.length > 0) await suspects.count(suspicions);
      await runBatch(served, pending, { ...this.#rules, background: sessions.background }, sink);
    } catch (error) {
      this.#settler.handedBack([...left], error, true);
    }
    this.#conclude(served, permit, verdict);
  }

  /** A probe that fails says nothing about its input: the variant is not well. */
  #refuseRun(pending: PendingWork, error: unknown): void {
    pending.served.running -= 1;
    this.#settler.refused(pending, error);
  }

  #conclude(served: ServedVariant, permit: BreakerPermit, verdict: 'succeeded' | 'failed' | undefined): void {
    const { clock, observer, logger } = this.#options;
    const before = served.breaker.state(clock.now());
    if (verdict === 'succeeded') served.breaker.succeeded(permit);
    else if (verdict === 'failed') served.breaker.failed(permit, clock.now());
    else served.breaker.withdrawn(permit);
    const state = served.breaker.state(clock.now());
    if (state === before) return;
    observer.breaker?.(state, served.name);
    if (state === 'closed') logger.info({ variant: served.name }, 'the variant works again');
    if (state !== 'open') return;
    logger.error({ variant: served.name }, 'the variant has failed repeatedly and is taken out for a while');
    this.#flush(served);
  }

  /** What waits for a variant that is taken out is better off elsewhere. */
  #flush(served: ServedVariant): void {
    const isItsGroup = (group: string) => group.startsWith(`${served.name}|`);
    const queued = this.#queue.takeAll(isItsGroup, this.#options.clock.now()).map(({ payload }) => payload);
    for (const pending of [...queued, ...this.#solo.takeAll((one) => one.served === served)]) {
      this.#leave(pending);
      this.#refuse(pending);
    }
  }

  #refuse(pending: PendingWork): void {
    this.#solo.done(pending);
    this.#settler.refused(pending);
  }

  #expire(expired: readonly QueuedWork<PendingWork>[]): void {
    for (const { payload } of expired) {
      this.#leave(payload);
      this.#settler.expired(payload);
    }
  }

  /** It waits no longer. */
  #leave(pending: PendingWork): void {
    this.#waiting.leave(pending.work.task.requestId, (waiter) => waiter.pending === pending);
    this.#uncount(pending);
  }

  #uncount({ served, lane }: PendingWork): void {
    served.queued -= 1;
    if (lane === 'bulk') served.bulkQueued -= 1;
  }

  /** Batches on all sessions. */
  get #running(): number {
    return this.#sessions.running + (this.#background?.running ?? 0);
  }

  get #isIdle(): boolean {
    return this.#queue.size === 0 && this.#solo.size === 0 && this.#running === 0;
  }
}
