import { dueAtOf, type Outcome, type Plan, type StepOutcome, type Workload } from '@tandem/schemas';
import { userHash, type Cache } from '@tandem/shared/cache';
import type { Clock } from '@tandem/shared/clock';
import { Flights, freshnessMs, Interned, ResultStore, stepContent, structuralHash, type ContentKey, type Flight, type StoredResult } from '@tandem/shared/core';
import { ErasedUsers } from '@tandem/shared/erasure';
import type { ReuseKind, WorkerObserver } from './options.ts';
import { cachedOutcome, cancelledOutcome, expiredOutcome } from './outcomes.ts';
import type { Submission } from './pending-work.ts';
import type { Reusable } from './reusable.ts';
import { SharedResults, type SharedSlot } from './shared-results.ts';
import { VariantsFacts } from './variant-facts.ts';
import { Waiter, type WaiterHooks } from './waiter.ts';
import { Waiting } from './waiting.ts';

/** Asking the shared cache costs the processes about so much: steps that take less are computed (docs/caches.md). */
const SHARED_FROM_MS = 0.1;
/** Requests live in the log for two days at most, so none from before an older erasure comes any more. */
const ERASURES_KEPT_MS = 3 * 86_400_000;

export interface ResultReuseOptions {
  workloads: readonly Workload[];
  /** Of the results kept in this process, estimated. */
  maxBytes: number;
  cache: Cache;
  clock: Clock;
  observer: WorkerObserver;
  /** The shared cache did not answer. */
  onUnavailable: (error: unknown) => void;
  /** Computes it: answers it or hands it back, once. Must not throw. */
  compute: (submission: Submission) => void;
  /** For tests. @default structuralHash */
  hash?: (content: unknown) => number;
}

/** What is known of a piece of work whose result can be used again. */
interface Candidate {
  key: ContentKey;
  ttlMs: number;
  slot: SharedSlot | undefined;
}

type Completed = Extract<StepOutcome, { kind: 'completed' }>;

/** What has come of a computation: a result, or why there is none. */
type Landing = { value: Reusable } | { kind: Exclude<Outcome['kind'], 'completed'> };

/**
 * Answers a step with the result of an identical one: from this process's memory, from the shared cache, or from the
 * one that is being computed right now. For workloads that say how fresh results have to be; all other work passes by.
 */
export class ResultReuse {
  readonly #options: ResultReuseOptions;
  readonly #ttls: ReadonlyMap<string, number>;
  readonly #store: ResultStore<Reusable, string | undefined>;
  readonly #shared: SharedResults | undefined;
  readonly #flights = new Flights<Waiter>();
  readonly #waiting = new Waiting<Waiter>();
  readonly #plans = new Interned<Plan>();
  readonly #facts = new VariantsFacts();
  readonly #erased = new ErasedUsers(ERASURES_KEPT_MS);

  constructor(options: ResultReuseOptions) {
    this.#options = options;
    this.#ttls = ttlsOf(options.workloads);
    this.#store = new ResultStore({ maxBytes: options.maxBytes });
    this.#shared = options.cache.shared ? new SharedResults(options) : undefined;
  }

  /** Some workload's results are kept. */
  get isOn(): boolean {
    return this.#ttls.size > 0;
  }

  submit(submission: Submission): void {
    const candidate = this.#candidateOf(submission);
    if (candidate === undefined) return this.#options.compute(submission);
    const stored = this.#store.get(candidate.key, this.#options.clock.now() - candidate.ttlMs);
    if (stored !== undefined) return this.#reuse(submission, stored.value, 'hit');
    const flight = this.#flights.find(candidate.key, urgencyOf(submission));
    if (flight === undefined) this.#lead(submission, candidate);
    else this.#follow(flight, submission);
  }

  /** What waits here of a request is answered as cancelled; work that is with the dispatcher is the dispatcher's. */
  cancel(requestId: string): void {
    for (const waiter of this.#waiting.take(requestId)) this.#giveUp(waiter, 'cancelled');
  }

  /**
   * Nothing of this user's stays here, nor comes of his requests from before then.
   * @param user SHA-256 of the user id
   * @param erasedAt broker's time, epoch ms
   */
  forget(user: string, erasedAt: number): void {
    if (!this.#erased.add(user, erasedAt)) return;
    this.#shared?.forget(user);
    this.#store.removeWhere((userId) => userId !== undefined && userHash(userId) === user);
  }

  /** Undefined: computed as if there were no cache. What may have ended a process is nobody's to wait for. */
  #candidateOf({ work, served, suspicion, tenant }: Submission): Candidate | undefined {
    const ttlMs = this.#ttls.get(work.task.workload);
    if (ttlMs === undefined || suspicion !== undefined) return undefined;
    const { hash = structuralHash } = this.#options;
    const step = stepContent(work, { variant: this.#facts.of(served.variant), adapter: served.adapter, plans: this.#plans, tenant });
    return step === undefined ? undefined : { key: { hash: hash(step.essence), content: step.content, own: step.own }, ttlMs, slot: undefined };
  }

  #reuse(submission: Submission, { result, computeMs, ahead }: Reusable, kind: ReuseKind): void {
    const { work, served, lane } = submission;
    const { observer, clock } = this.#options;
    served.completed += 1;
    if (lane === 'bulk') served.bulkCompleted += 1;
    if (work.task.ahead === true) observer.ahead?.('known', served.name);
    else observer.reuse?.(kind, served.name, computeMs);
    if (ahead === true && work.task.ahead !== true) observer.ahead?.('used', served.name);
    observer.outcome?.('completed', served.name);
    submission.answer(cachedOutcome(work, served, result, clock.now()));
  }

  #lead(submission: Submission, candidate: Candidate): void {
    const flight = this.#flights.begin(candidate.key, urgencyOf(submission));
    const slot = this.#paysToShare(submission) ? this.#shared?.slot(candidate.key) : undefined;
    if (slot === undefined) this.#compute(flight, submission, candidate);
    else void this.#lookUp(flight, submission, { ...candidate, slot });
  }

  #paysToShare({ served }: Submission): boolean {
    return this.#facts.of(served.variant).computeMs >= SHARED_FROM_MS;
  }

  async #lookUp(flight: Flight<Waiter>, submission: Submission, candidate: Candidate): Promise<void> {
    const waiter = this.#wait(submission, { cancelled: () => this.#land(flight, { kind: 'skipped' }) });
    const stored = await candidate.slot?.get({ oldestAt: this.#options.clock.now() - candidate.ttlMs, dueAt: dueAtOf(submission.work) });
    if (!waiter.leave()) return;
    if (stored === undefined) return this.#compute(flight, submission, candidate);
    this.#keep(submission, candidate, stored);
    this.#reuse(submission, stored.value, 'shared_hit');
    this.#land(flight, { value: stored.value });
  }

  #compute(flight: Flight<Waiter>, submission: Submission, candidate: Candidate): void {
    const { observer, compute } = this.#options;
    if (submission.work.task.ahead !== true) observer.reuse?.('miss', submission.served.name, 0);
    compute({
      ...submission,
      answer: (outcome, fault) => {
        const landing = outcome.kind === 'completed' ? { value: this.#computed(submission, candidate, outcome) } : outcome;
        submission.answer(outcome, fault);
        this.#land(flight, landing);
      },
      handBack: (error) => {
        submission.handBack(error);
        this.#land(flight, { kind: 'failed' });
      },
    });
  }

  #computed(submission: Submission, candidate: Candidate, { run, result }: Completed): Reusable {
    const isAhead = submission.work.task.ahead === true;
    if (isAhead) this.#options.observer.ahead?.('computed', submission.served.name);
    const value: Reusable = { result, computeMs: run.computeMs / Math.max(1, run.batchSize), ...(isAhead ? { ahead: true } : {}) };
    this.#facts.observe(submission.served.variant, value.computeMs);
    const stored = { value, storedAt: this.#options.clock.now() };
    const isKept = this.#keep(submission, candidate, stored);
    if (isKept && this.#paysToShare(submission)) candidate.slot?.set(stored, candidate.ttlMs, submission.work.task.userId);
    return value;
  }

  /** False: it must not be kept. */
  #keep({ work: { task } }: Submission, { key }: Candidate, stored: StoredResult<Reusable>): boolean {
    if (this.#erased.concerns(task)) return false;
    this.#store.set(key, stored, task.userId);
    this.#options.observer.reusableBytes?.(this.#store.bytes);
    return true;
  }

  /**
   * Those who waited get the result. Without one they go on without this leader: where it came too late or was taken
   * back, behind the next of them; where it failed, each for itself, since the next one may well fail like it.
   */
  #land(flight: Flight<Waiter>, landing: Landing): void {
    for (const waiter of this.#flights.end(flight)) {
      if (!waiter.leave()) continue;
      if ('value' in landing) this.#reuse(waiter.submission, landing.value, 'joined');
      else if (landing.kind === 'skipped' || landing.kind === 'expired') this.submit(waiter.submission);
      else this.#options.compute(waiter.submission);
    }
  }

  #follow(flight: Flight<Waiter>, submission: Submission): void {
    const { clock } = this.#options;
    const due = dueAtOf(submission.work);
    const cancelTimer = due === null ? undefined : clock.schedule(due, () => this.#giveUp(waiter, 'expired'));
    const waiter = this.#wait(submission, {
      left: () => {
        cancelTimer?.();
        flight.followers.delete(waiter);
      },
    });
    flight.followers.add(waiter);
  }

  #wait(submission: Submission, { left, cancelled }: Partial<WaiterHooks>): Waiter {
    const { requestId } = submission.work.task;
    const waiter: Waiter = new Waiter(submission, {
      left: () => {
        this.#waiting.leave(requestId, (one) => one === waiter);
        left?.();
      },
      cancelled: () => cancelled?.(),
    });
    this.#waiting.add(requestId, waiter);
    return waiter;
  }

  #giveUp(waiter: Waiter, why: 'cancelled' | 'expired'): void {
    if (!waiter.leave()) return;
    const { submission } = waiter;
    const { work, served } = submission;
    this.#options.observer.outcome?.(why, served.name);
    submission.answer(why === 'cancelled' ? cancelledOutcome(work) : expiredOutcome(work));
    if (why === 'cancelled') waiter.hooks.cancelled?.();
  }
}

function ttlsOf(workloads: readonly Workload[]): Map<string, number> {
  return new Map(workloads.flatMap(({ name, freshness }) => {
    const ttlMs = freshnessMs(freshness);
    return ttlMs === undefined ? [] : [[name, ttlMs]];
  }));
}

function urgencyOf({ work, lane }: Submission) {
  return { lane, tier: work.task.tier, deadlineAt: dueAtOf(work) };
}
