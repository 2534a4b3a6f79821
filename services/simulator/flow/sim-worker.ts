import type { Heartbeat, StepResult, Variant } from '@tandem/schemas';
import type { Random } from '@tandem/shared/clock';
import {
  BATCH_LIMITS, BatchQueue, BatchTimeModel, CircuitBreaker, formLiveBatch, takeExpired, whenToForm,
  type BatchLimits, type BatchSituation, type BreakerPermit, type PlaceNames, type QueuedWork,
} from '@tandem/shared/core';
import type { Computation, SharedCpu } from '../model/shared-cpu.ts';
import { Station } from '../model/station.ts';
import type { WorkerSpec } from '../spec.ts';
import type { EventLoop } from '../time/event-loop.ts';
import type { FaultPlan } from './faults.ts';
import { HeldWork } from './held-work.ts';
import { ServedVariant } from './served-variant.ts';
import type { SimWork } from './sim-request.ts';

export interface BatchRun {
  size: number;
  computeMs: number;
}

/** What becomes of work at a worker. */
export interface WorkerSink {
  completed(work: SimWork, run: BatchRun, result: StepResult, now: number): void;
  expired(work: SimWork, now: number): void;
  failed(work: SimWork, now: number): void;
  refused(work: SimWork, now: number): void;
}

export interface SimWorkerOptions {
  spec: WorkerSpec;
  /** It is there from the start. */
  alive: boolean;
  variants: readonly Variant[];
  /** The schedulers', so that work is looked up by the very names that it came with. */
  names: PlaceNames;
  loop: EventLoop;
  cpu: SharedCpu;
  memoryFreeBytes: number;
  cores: number;
  recordMs: number;
  batching: Partial<BatchLimits>;
  faults: FaultPlan;
  random: Random;
  confidence: (work: SimWork) => number | undefined;
  sink: WorkerSink;
}

interface Running {
  work: readonly QueuedWork<SimWork>[];
  served: ServedVariant;
  group: string;
  permit: BreakerPermit;
  lane: 'interactive' | 'bulk';
  /** Predicted, ms. */
  endsAt: number;
  /** When it began, ms. */
  beganAt: number;
  /** While it computes. */
  computation: Computation | undefined;
  computeMs: number;
  fails: boolean;
}

/** A batch that fails is found out at once. */
const FAILS_AFTER_MS = 1;

/** The worker stage in virtual time: the same queue, the same batches, with measured times instead of sessions. */
export class SimWorker {
  readonly spec: WorkerSpec;
  alive: boolean;
  /** Others have its partitions: it answers what it has, and goes. */
  draining = false;
  /** Session time that has been used, ms. */
  busyMs = 0;
  /** Of the last batch that began. */
  lastEndMs = 0;
  batches = 0;
  readonly #options: SimWorkerOptions;
  readonly #limits: BatchLimits;
  #queue: BatchQueue<SimWork>;
  #times = new BatchTimeModel();
  readonly #served = new Map<string, ServedVariant>();
  /** A few: a list takes less than a set. */
  readonly #running: Running[] = [];
  readonly #station: Station;
  /** Formed, for the next session that is free. */
  #formed: Running[] = [];
  #busySessions = 0;
  /** Grows when the process dies: what it had begun is not heard of. */
  #life = 0;
  #pumpAt = Infinity;
  #expiryAt = Infinity;
  /** What it holds or has on its way in: redelivered if it dies. */
  readonly #held = new HeldWork();

  constructor(options: SimWorkerOptions) {
    const { spec, cpu, recordMs, batching, variants, names, random } = options;
    this.#options = options;
    this.spec = spec;
    this.alive = options.alive;
    this.#limits = { ...BATCH_LIMITS, ...batching };
    this.#queue = new BatchQueue(batching);
    this.#station = new Station(recordMs, cpu);
    for (const [name, kinds] of spec.serves) {
      const variant = variants.find(({ model, precision }) => `${model}.${precision}` === name);
      if (variant === undefined) throw new RangeError(`${spec.instance} serves ${name}, which is not among the variants`);
      this.#served.set(names.of(variant.model, variant.precision, undefined), new ServedVariant(variant, kinds, new CircuitBreaker({ random })));
    }
  }

  get queued(): number {
    return this.#queue.size;
  }

  /** Names of variants. */
  get serves(): Iterable<string> {
    return this.#served.keys();
  }

  /** Nothing is left that it has to answer. */
  get idle(): boolean {
    return this.#held.size === 0;
  }

  /** A record has come from the log. */
  take(work: SimWork, now: number): void {
    this.#held.add(work);
    const readAt = this.#station.serve(now);
    if (readAt === now) this.#enqueue(work, now);
    else this.#options.loop.at(readAt, this.#isRead, work, this.#life);
  }

  readonly #isRead = (work: SimWork, life: number, now: number): void => {
    if (this.#life === life) this.#enqueue(work, now);
  };

  /** @returns what it had not answered */
  die(): SimWork[] {
    const lost = this.#held.takeAll();
    this.alive = false;
    this.#life += 1;
    for (const { computation } of this.#running) if (computation !== undefined) this.#options.cpu.abandon(computation, this.#options.loop.now());
    this.#busySessions = 0;
    this.#running.length = 0;
    this.#formed = [];
    this.#queue = new BatchQueue(this.#options.batching);
    for (const served of this.#served.values()) served.died();
    return lost;
  }

  comeBack(): void {
    this.alive = true;
    this.#times = new BatchTimeModel();
    this.#pumpAt = this.#expiryAt = Infinity;
  }

  heartbeat(now: number): Heartbeat {
    const { spec: { instance, pool, sessions }, cpu, cores, memoryFreeBytes } = this.#options;
    return {
      kind: 'worker', instance, time: now, ...(pool === undefined ? {} : { pool }), sessions,
      resources: { time: now, cpuUse: cpu.use(now), cpuCores: cores, memoryBytes: 2 * memoryFreeBytes, memoryFreeBytes },
      variants: [...this.#served.values()].map((served) => served.load(now, this.#times)),
    };
  }

  #enqueue(work: SimWork, now: number): void {
    const { sink, random } = this.#options;
    const { lane, tier } = work.request.task;
    const deadlineAt = work.dueAt ?? null;
    const served = this.#served.get(work.variant)!;
    if (!served.breaker.admits(now)) return sink.refused(this.#left(work), now);
    if (deadlineAt !== null && deadlineAt <= now) return this.#expired(served, work, now);
    served.enqueued(work);
    this.#queue.add({ payload: work, group: served.groupOf(random), lane, tier, deadlineAt, enqueuedAt: now });
    // What comes in one turn of the event loop meets in one batch.
    this.#wake(now);
  }

  #wake(at: number): void {
    if (at >= this.#pumpAt) return;
    this.#pumpAt = at;
    this.#options.loop.at(at, this.#woken, this.#life, at);
  }

  readonly #woken = (life: number, at: number): void => {
    if (this.#life !== life || this.#pumpAt !== at) return;
    this.#pumpAt = Infinity;
    this.#pump(at);
  };

  #pump(now: number): void {
    // Nothing to decide on is what most ends of batches find at a low load.
    while (this.#queue.size > 0 && this.#running.length <= this.spec.sessions) {
      const situation = this.#situation(now);
      this.#expire(takeExpired(this.#queue, situation), now);
      const formAt = whenToForm(this.#queue, situation, this.#running.length);
      if (formAt > now) {
        if (formAt < Infinity) this.#wake(formAt);
        break;
      }
      const { expired, batch, waitUntil } = formLiveBatch(this.#queue, situation);
      this.#expire(expired, now);
      if (waitUntil !== undefined) this.#wake(Math.max(waitUntil, now + 1e-6));
      if (batch === undefined) break;
      this.#begin(batch.group, batch.lane, batch.work, situation, now);
    }
    this.#expireInTime();
  }

  /** What expires while every session is busy is answered then. */
  #expireInTime(): void {
    const at = this.#queue.size === 0 ? Infinity : this.#queue.nextExpiryAt;
    if (at === Infinity || at >= this.#expiryAt) return;
    this.#expiryAt = at;
    this.#options.loop.at(at, this.#expires, this.#life, at);
  }

  readonly #expires = (life: number, at: number, now: number): void => {
    if (this.#life !== life || this.#expiryAt !== at) return;
    this.#expiryAt = Infinity;
    this.#expire(takeExpired(this.#queue, this.#situation(now)), now);
    this.#pump(now);
  };

  #situation(now: number): BatchSituation {
    let [firstEnd, bulkRunning] = [Infinity, 0];
    for (const { endsAt, lane } of this.#running) {
      firstEnd = Math.min(firstEnd, endsAt);
      if (lane === 'bulk') bulkRunning += 1;
    }
    const { sessions } = this.spec;
    const startsAt = this.#running.length < sessions ? now : Math.max(now, firstEnd);
    return { now, startsAt, sessions, bulkRunning, times: this.#times, limits: this.#limits };
  }

  #begin(group: string, lane: Running['lane'], work: readonly QueuedWork<SimWork>[], { startsAt }: BatchSituation, now: number): void {
    const served = this.#served.get(work[0]!.payload.variant)!;
    for (const { payload } of work) served.dequeued(payload);
    const permit = served.breaker.begin(now);
    if (permit === undefined) {
      for (const { payload } of work) this.#options.sink.refused(this.#left(payload), now);
      return;
    }
    served.running += work.length;
    const running: Running = {
      work, served, group, permit, lane, endsAt: startsAt + (this.#times.predict(group, work.length) ?? 0), beganAt: now, computation: undefined, computeMs: 0, fails: false,
    };
    this.#running.push(running);
    if (this.#busySessions < this.spec.sessions) this.#run(running, now);
    else this.#formed.push(running);
  }

  #run(running: Running, now: number): void {
    const { cpu, faults, random, spec } = this.#options;
    const { served, group, work } = running;
    this.#busySessions += 1;
    this.batches += 1;
    running.beganAt = now;
    running.fails = faults.fails(served.name, now);
    const aloneMs = running.fails ? FAILS_AFTER_MS : served.timesOf(group).draw(work.length, random) * faults.slowness(spec.instance, now);
    running.computation = cpu.compute(aloneMs, now, this.#computed, running, this.#life);
  }

  /** What comes of it is seen to by the worker's own thread, which has to get a core first; so is the session's next batch. */
  readonly #computed = (running: Running, life: number, now: number): void => {
    running.computation = undefined;
    running.computeMs = now - running.beganAt;
    this.busyMs += running.computeMs;
    this.lastEndMs = Math.max(this.lastEndMs, now);
    const { loop, spec: { handOverMs }, random } = this.#options;
    const waitMs = handOverMs?.(random) ?? 0;
    if (waitMs === 0) this.#finish(running, life, now);
    else loop.at(now + waitMs, this.#finish, running, life);
  };

  readonly #finish = (batch: Running, life: number, now: number): void => {
    if (this.#life !== life) return;
    const { served, group, permit, work, fails, computeMs } = batch;
    this.#ended(batch);
    this.#busySessions -= 1;
    const next = this.#formed.shift();
    if (next !== undefined) this.#run(next, now);
    served.running -= work.length;
    if (fails) this.#fail(served, permit, work, now);
    else {
      const run = { size: work.length, computeMs };
      this.#times.observe(group, run.size, computeMs, now);
      served.ran(run, work, now);
      for (const { payload } of work) this.#complete(payload, run, now);
      served.breaker.succeeded(permit);
    }
    this.#pump(now);
  };

  /** Without a list of what is taken out. */
  #ended(batch: Running): void {
    const running = this.#running;
    for (let at = running.indexOf(batch) + 1; at < running.length; at += 1) running[at - 1] = running[at]!;
    running.pop();
  }

  #complete(work: SimWork, run: BatchRun, now: number): void {
    const { sink, confidence } = this.#options;
    const sure = confidence(work);
    const result: StepResult = sure === undefined ? ANSWER : { ...ANSWER, confidence: sure };
    sink.completed(this.#left(work), run, result, now);
  }

  #fail(served: ServedVariant, permit: BreakerPermit, work: readonly QueuedWork<SimWork>[], now: number): void {
    const { sink } = this.#options;
    served.failed += work.length;
    for (const { payload } of work) {
      if (permit.isProbe) sink.refused(this.#left(payload), now);
      else sink.failed(this.#left(payload), now);
    }
    served.breaker.failed(permit, now);
    if (served.breaker.state(now) !== 'open') return;
    for (const { payload } of this.#queue.takeAll((group) => group.startsWith(`${served.name}|`), now)) {
      served.dequeued(payload);
      sink.refused(this.#left(payload), now);
    }
  }

  #expire(expired: readonly QueuedWork<SimWork>[], now: number): void {
    for (const { payload } of expired) {
      const served = this.#served.get(payload.variant)!;
      served.dequeued(payload);
      this.#expired(served, payload, now);
    }
  }

  #expired(served: ServedVariant, work: SimWork, now: number): void {
    served.expired(work);
    this.#options.sink.expired(this.#left(work), now);
  }

  /** It is about to be answered. */
  #left(work: SimWork): SimWork {
    this.#held.delete(work);
    return work;
  }
}

const ANSWER: StepResult = { labels: ['answer'], probabilities: [1] };
