import { dueAtOf, isOverdue, type Lane } from '@tandem/schemas';
import { wait, type Clock } from '@tandem/shared/clock';
import {
  BatchQueue, BatchTimeModel, formBatch, takeExpired, whenToForm,
  type BatchSituation, type BreakerPermit, type QueuedWork, type QueueEntry,
} from '@tandem/shared/core';
import type { Logger } from '@tandem/shared/telemetry';
import { runBatch, type BatchSink, type RunRules } from './batch-runner.ts';
import type { WorkerLimits, WorkerObserver } from './options.ts';
import type { PendingWork, Submission } from './pending-work.ts';
import type { ServedVariant } from './served-variant.ts';
import { Settler } from './settler.ts';
import { SoloQueue } from './solo-queue.ts';
import type { Suspects } from './suspects.ts';
import { Waiting } from './waiting.ts';
import { onceATurn } from './once-a-turn.ts';

export interface DispatcherOptions {
  /** Sessions that run at once. */
  concurrency: number;
  clock: Clock;
  limits: WorkerLimits;
  observer: WorkerObserver;
  suspects: Pick<Suspects, 'count' | 'clear'>;
  logger: Logger;
}

interface Running {
  served: ServedVariant;
  lane: Lane;
  /** Predicted, epoch ms. */
  endsAt: number;
  /** Since when a session is kept by it, as far as is not accounted for yet, epoch ms; undefined: it was formed ahead, and no session is free yet. */
  since: number | undefined;
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
  readonly #running = new Set<Running>();
  readonly #rules: RunRules;
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
    const { clock, limits, observer, suspects } = options;
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
      if ([...this.#running].some((running) => running.served === served)) return false;
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
      this.#expire(takeExpired(this.#queue, this.#situation()));
      return this.#expireInTime();
    }
    this.#runSolo();
    while (!this.#solo.holdsOthers && this.#running.size <= this.#options.concurrency) {
      const situation = this.#situation();
      this.#expire(takeExpired(this.#queue, situation));
      if (!this.#mayForm(situation)) break;
      const { expired, batch, waitUntil } = formBatch(this.#queue, situation);
      this.#expire(expired);
      if (waitUntil !== undefined) this.#pumpAt(waitUntil);
      if (batch === undefined) break;
      void this.#run({ group: batch.group, pending: batch.work.map(({ payload }) => payload), startsAt: situation.startsAt });
    }
    this.#expireInTime();
    if (this.#isIdle) for (const resolve of this.#onIdle.splice(0)) resolve();
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
      this.#expire(takeExpired(this.#queue, this.#situation()));
      this.#pump();
    });
  }

  #runSolo(): void {
    const { clock, concurrency } = this.#options;
    const pending = this.#solo.next(this.#running.size, concurrency);
    if (pending === undefined) return;
    const { served, graph, work } = pending;
    if (isOverdue(work, clock.now())) {
      this.#solo.done(pending);
      this.#leave(pending);
      this.#settler.expired(pending);
      return this.#runSolo();
    }
    void this.#run({ group: `${served.name}|${graph}|alone`, pending: [pending], startsAt: clock.now() });
  }

  #situation(): BatchSituation {
    const { clock, concurrency, limits } = this.#options;
    const now = clock.now();
    let [firstEnd, bulkRunning] = [Infinity, 0];
    for (const { endsAt, lane } of this.#running) {
      firstEnd = Math.min(firstEnd, endsAt);
      if (lane === 'bulk') bulkRunning += 1;
    }
    const startsAt = this.#running.size < concurrency ? now : Math.max(now, firstEnd);
    return { now, startsAt, sessions: concurrency, bulkRunning, times: this.#times, limits };
  }

  #mayForm(situation: BatchSituation): boolean {
    const at = whenToForm(this.#queue, situation, this.#running.size);
    if (at > situation.now && at < Infinity) this.#pumpAt(at);
    return at <= situation.now;
  }

  #pumpAt(at: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.schedule(at, () => this.#pump());
  }

  async #run(batch: FormedBatch): Promise<void> {
    const { group, pending, startsAt } = batch;
    const { served, lane } = pending[0]!;
    for (const one of pending) this.#leave(one);
    const permit = served.breaker.begin(this.#options.clock.now());
    if (permit === undefined) {
      for (const one of pending) this.#refuse(one);
      return;
    }
    const since = this.#running.size < this.#options.concurrency ? this.#options.clock.now() : undefined;
    const running: Running = { served, lane, endsAt: startsAt + (this.#times.predict(group, pending.length) ?? 0), since };
    this.#running.add(running);
    served.running += pending.length;
    await this.#infer(batch, permit, running);
    for (const one of pending) this.#solo.done(one);
    this.#end(running);
    this.#pump();
  }

  /** The session that it leaves goes to the batch that has been formed ahead. */
  #end(running: Running): void {
    this.#running.delete(running);
    for (const next of this.#running) {
      if (next.since !== undefined) continue;
      next.since = this.#options.clock.now();
      return;
    }
  }

  /**
   * How long a session was kept, ms: besides the model's time what it takes until this thread has the result, which under load is more than the model's. Predictions that left it out
   * would make batches too small, and too late.
   */
  #kept(running: Running, computeMs: number): number {
    const now = this.#options.clock.now();
    const keptMs = now - (running.since ?? now);
    running.since = now;
    return Math.max(computeMs, keptMs);
  }

  async #infer({ group, pending }: FormedBatch, permit: BreakerPermit, running: Running): Promise<void> {
    const { clock, suspects } = this.#options;
    const served = pending[0]!.served;
    const left = new Set(pending);
    let verdict: 'succeeded' | 'failed' | undefined;
    const sink: BatchSink = {
      completed: (ran, result) => {
        verdict = 'succeeded';
        const ranAs = result.kind === undefined ? group : served.groupOf(ran[0]!.graph, result.kind);
        this.#times.observe(ranAs, ran.length, this.#kept(running, result.computeMs), clock.now());
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
      await runBatch(served, pending, this.#rules, sink);
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

  get #isIdle(): boolean {
    return this.#queue.size === 0 && this.#solo.size === 0 && this.#running.size === 0;
  }
}
