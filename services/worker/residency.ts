import { wait } from '@tandem/shared/clock';
import { TandemError, messageOf } from '@tandem/shared/errors';
import type { LoadedVariant } from '@tandem/shared/engine';
import { heldPool, prefixesOf, prefixShare, sessionBytes } from './load-prefixes.ts';
import type { LoadReason, UnloadReason, WorkerStageOptions } from './options.ts';
import { cancelledOutcome, redispatchOutcome } from './outcomes.ts';
import type { Submission } from './pending-work.ts';
import { Preloads } from './preloads.ts';
import type { ServedVariant } from './served-variant.ts';

/** Between two looks at whether there is room yet. */
const LOOK_MS = 2;
const TICK_MS = 1_000;
/** A variant that is busy stays for so many times what loading takes: else workers would do nothing but load. */
const STAYS = 4;
/** After a load that failed, its work goes elsewhere for so long, ms. */
const FAILED_MS = 1_000;
const SMOOTHING = 0.3;

export interface ResidencyOptions extends WorkerStageOptions {
  served: readonly ServedVariant[];
  /** What loaded variants' work goes to. */
  submit: (submission: Submission) => void;
}

/**
 * Which variants are in memory. Work for one that is not waits here until it is loaded; the least recently used one gives way where
 * there is no room, and one that nobody uses for long is unloaded. One load at a time, so that memory stays within its bound.
 */
export class Residency {
  readonly #options: ResidencyOptions;
  readonly #movable: readonly ServedVariant[];
  readonly #waiting = new Map<ServedVariant, Submission[]>();
  readonly #usedAt = new Map<ServedVariant, number>();
  readonly #loadedAt = new Map<ServedVariant, number>();
  readonly #failedAt = new Map<ServedVariant, number>();
  readonly #wanted = new Set<ServedVariant>();
  readonly #preloads: Preloads<ServedVariant>;
  /** Else all stays in memory. */
  readonly #isOn: boolean;
  /** Takes nothing more, since it has to make room. */
  #leaving: ServedVariant | undefined;
  #work: Promise<void> = Promise.resolve();
  #stopped = false;
  #cancelTick: () => void = () => undefined;

  constructor(options: ResidencyOptions) {
    this.#options = options;
    // What decoders hold belongs to requests under way.
    this.#movable = options.served.filter(({ adapter, variant }) => adapter.decoding?.spec(variant) === undefined);
    this.#isOn = (options.sleepAfterMs ?? 0) > 0 || options.overcommit === true;
    this.#preloads = new Preloads(this.#movable, options.engine.concurrency);
    for (const served of options.served) this.#usedAt.set(served, options.clock.now());
  }

  start(): void {
    if (this.#isOn) this.#tickLater();
  }

  submit(submission: Submission): void {
    if (!this.#isOn) return this.#options.submit(submission);
    const { served } = submission;
    const now = this.#options.clock.now();
    this.#usedAt.set(served, now);
    this.#preloads.arrived(served);
    if (served.isLoaded && this.#leaving !== served && !this.#waiting.has(served)) {
      this.#wakeSiblings(served);
      return this.#options.submit(submission);
    }
    if (now - (this.#failedAt.get(served) ?? -Infinity) < FAILED_MS) return this.#refuse(submission, 'could not be loaded a moment ago');
    const waiting = this.#waiting.get(served);
    if (waiting === undefined) this.#waiting.set(served, [submission]);
    else waiting.push(submission);
    served.held += 1;
    this.#want(served, 'asked');
  }

  /** What waits here of a request is answered as cancelled. */
  cancel(requestId: string): void {
    for (const [served, waiting] of this.#waiting) {
      const kept = waiting.filter((submission) => submission.work.task.requestId !== requestId);
      if (kept.length === waiting.length) continue;
      this.#waiting.set(served, kept);
      served.held = kept.length;
      for (const submission of waiting) if (!kept.includes(submission)) submission.answer(cancelledOutcome(submission.work));
    }
  }

  /** Runs it while the variant is in memory, and nothing else is loaded or unloaded. */
  async whileLoaded(served: ServedVariant, action: () => Promise<void>): Promise<void> {
    const done = this.#work.then(async () => {
      if (!served.isLoaded) await this.#load(served, 'asked');
      await action();
    });
    this.#work = done.catch(() => undefined);
    await done;
  }

  /** Resolves when nothing waits for a load. */
  async idle(): Promise<void> {
    while (this.#waiting.size > 0) await this.#work;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTick();
    await this.#work;
    const goingAway = new TandemError('this worker is going away; another will run it', { code: 'worker_stopping', retryable: true });
    for (const waiting of this.#waiting.values()) for (const submission of waiting) submission.handBack(goingAway);
    this.#waiting.clear();
  }

  #want(served: ServedVariant, reason: LoadReason): void {
    if (this.#wanted.has(served) || this.#stopped) return;
    this.#wanted.add(served);
    this.#work = this.#work.then(() => this.#serve(served, reason));
  }

  /** Loads it, and lets what waited for it go on. */
  async #serve(served: ServedVariant, reason: LoadReason): Promise<void> {
    const { logger } = this.#options;
    let failure: unknown;
    try {
      if (!served.isLoaded && !this.#stopped) await this.#load(served, reason);
    } catch (error) {
      failure = error;
      this.#failedAt.set(served, this.#options.clock.now());
      logger.error({ err: error, variant: served.name }, `${served.name} cannot be loaded again: ${messageOf(error)}`);
    }
    this.#wanted.delete(served);
    if (this.#stopped) return;
    const waiting = this.#waiting.get(served) ?? [];
    this.#waiting.delete(served);
    served.held = 0;
    for (const submission of waiting) {
      if (failure === undefined) this.#options.submit(submission);
      else this.#refuse(submission, messageOf(failure));
    }
    if (failure === undefined && reason === 'asked') this.#wakeSiblings(served);
  }

  async #load(served: ServedVariant, reason: LoadReason): Promise<void> {
    const { engine, clock, observer, logger } = this.#options;
    await this.#makeRoom(served);
    if (this.#stopped) return;
    const { variant, adapter } = served;
    const startedAt = performance.now();
    const loaded = await engine.load(variant, heldPool(adapter, variant, prefixShare(this.#options)));
    const tookMs = performance.now() - startedAt;
    served.replace(loaded, prefixesOf(loaded, adapter, this.#options));
    served.reloadMs += SMOOTHING * (tookMs - served.reloadMs);
    const now = clock.now();
    this.#loadedAt.set(served, now);
    this.#usedAt.set(served, now);
    observer?.loaded?.(served.name, reason, tookMs);
    logger.debug({ variant: served.name, reason, tookMs }, 'loaded');
  }

  /** @throws {TandemError} `memory_budget_exceeded` */
  async #makeRoom(wanted: ServedVariant): Promise<void> {
    while (!this.#stopped && !this.#fits(wanted)) {
      if (!this.#movable.some((one) => one !== wanted && one.isLoaded)) {
        throw new TandemError('what stays in memory leaves no room for it; give the worker more (memoryBudgetMb), or fewer variants', { code: 'memory_budget_exceeded' });
      }
      const victim = this.#leastRecentlyUsed(wanted);
      if (victim === undefined) await wait(this.#options.clock, LOOK_MS);
      else await this.#sendAway(victim);
    }
  }

  /** What comes for it meanwhile waits until it is back. */
  async #sendAway(victim: ServedVariant): Promise<void> {
    this.#leaving = victim;
    while (isBusy(victim) && !this.#stopped) await wait(this.#options.clock, LOOK_MS);
    if (!isBusy(victim)) await this.#unload(victim, 'room');
    this.#leaving = undefined;
  }

  #fits(wanted: ServedVariant): boolean {
    const { engine, served, memoryBudgetBytes = Infinity } = this.#options;
    const usedBytes = served.reduce((sum, one) => sum + (one.isLoaded ? one.loaded.memoryBytes : 0), 0);
    return usedBytes + sessionBytes(wanted.variant, engine) <= memoryBudgetBytes;
  }

  /** Idle ones first; busy ones when they have been there for a while. Undefined: nobody can go now. */
  #leastRecentlyUsed(wanted: ServedVariant): ServedVariant | undefined {
    const now = this.#options.clock.now();
    const there = this.#movable.filter((one) => one !== wanted && one.isLoaded);
    const idle = there.filter((one) => !isBusy(one));
    const settled = there.filter((one) => now - (this.#loadedAt.get(one) ?? -Infinity) >= STAYS * one.reloadMs);
    return (idle.length > 0 ? idle : settled).toSorted((a, b) => (this.#usedAt.get(a) ?? 0) - (this.#usedAt.get(b) ?? 0))[0];
  }

  async #unload(served: ServedVariant, reason: UnloadReason): Promise<void> {
    const old: LoadedVariant = served.putAway();
    this.#options.observer?.unloaded?.(served.name, reason);
    await old.unload();
  }

  /** Where one variant of a model is used the others soon are: they are loaded beside its work, where there is room. */
  #wakeSiblings(served: ServedVariant): void {
    if (!this.#movable.some(({ isLoaded }) => !isLoaded)) return;
    for (const one of this.#movable) {
      if (one.variant.model === served.variant.model && !one.isLoaded && this.#fits(one)) this.#want(one, 'sibling');
    }
  }

  #tickLater(): void {
    const { clock } = this.#options;
    this.#cancelTick = clock.schedule(clock.now() + TICK_MS, () => {
      this.#tick(clock.now());
      if (!this.#stopped) this.#tickLater();
    });
  }

  #tick(now: number): void {
    const { sleepAfterMs = 0 } = this.#options;
    const needed = this.#preloads.needed(now);
    if (needed !== undefined) this.#want(needed, 'trend');
    if (sleepAfterMs === 0) return;
    for (const served of this.#movable) {
      if (!served.isLoaded || now - (this.#usedAt.get(served) ?? now) < sleepAfterMs) continue;
      this.#work = this.#work.then(async () => {
        const unused = !isBusy(served) && this.#options.clock.now() - (this.#usedAt.get(served) ?? 0) >= sleepAfterMs;
        if (served.isLoaded && unused && !this.#waiting.has(served) && !this.#stopped) await this.#unload(served, 'idle');
      });
    }
  }

  #refuse(submission: Submission, why: string): void {
    submission.answer(redispatchOutcome(submission.work, `${submission.served.name} is not in memory and ${why}`));
  }
}

function isBusy({ queued, running }: ServedVariant): boolean {
  return queued + running > 0;
}
