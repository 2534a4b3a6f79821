import type { Heartbeat, SchedulerReport, VariantLoad } from '@tandem/schemas';
import { interactiveQueued } from '../heartbeat/interactive-queued.ts';
import { WORKER_GONE_AFTER_MS } from '../heartbeat/worker-gone.ts';
import { batchMs } from '../profile/index.ts';
import type { LoadSample } from './types.ts';

/** Reports stop while nothing is decided, so they say nothing of whether a scheduler lives. */
const FORGOTTEN_AFTER_MS = 600_000;
/** What workers can do is what they do in batches of this size: at low load they are smaller, and cost more. */
const FULL_BATCH = 32;

interface Heard<What> {
  what: What;
  at: number;
}

/**
 * Adds up what all workers say that they have to do and can do: the whole backlog, never a mean of replicas. Each variant's work is
 * weighed by what a full batch of it takes there, as measured.
 */
export class LoadMeter {
  readonly #workers = new Map<string, Heard<Heartbeat>>();
  readonly #schedulers = new Map<string, Heard<SchedulerReport>>();
  #arrivedMs = 0;
  #asked = 0;
  #refused = 0;
  #expired = 0;
  #bulk = 0;
  #sampledAt: number;

  /** @param now epoch ms */
  constructor(now: number) {
    this.#sampledAt = now;
  }

  /** A worker's heartbeat. The first one of a worker tells what it has ever done, of which nobody knows when: only what it has to do counts then. */
  beat(heartbeat: Heartbeat, now: number): void {
    const before = this.#workers.get(heartbeat.instance)?.what;
    this.#workers.set(heartbeat.instance, { what: heartbeat, at: now });
    if (before === undefined) this.#arrivedMs += backlogMs(heartbeat);
    else for (const load of heartbeat.variants) this.#count(load, before.variants.find((other) => isSame(other, load)));
  }

  /** A scheduler's report. The first one of a scheduler tells what it has ever done, of which nobody knows when. */
  report(report: SchedulerReport, now: number): void {
    const before = this.#schedulers.get(report.instance)?.what;
    this.#schedulers.set(report.instance, { what: report, at: now });
    if (before === undefined) return;
    const refused = grown(report.refused, before.refused);
    this.#asked += grown(report.dispatched, before.dispatched) + refused;
    this.#refused += refused;
    this.#bulk += grown(report.bulk, before.bulk);
  }

  /** It has said goodbye. What it had shows at others then, and has not arrived anew. */
  left(instance: string, kind: 'worker' | 'scheduler' = 'worker'): void {
    if (kind === 'scheduler') return void this.#schedulers.delete(instance);
    const gone = this.#workers.get(instance)?.what;
    if (gone === undefined) return;
    this.#workers.delete(instance);
    this.#arrivedMs -= backlogMs(gone);
  }

  /** Since the last call. */
  sample(now: number): LoadSample {
    this.#forget(now);
    const live = [...this.#workers.values()].map(({ what }) => what).filter(({ variants }) => variants.length > 0);
    const waiting = [...this.#schedulers.values()].reduce((sum, { what }) => sum + what.waiting, 0);
    const sample: LoadSample = {
      at: now, durationMs: Math.max(1, now - this.#sampledAt),
      workers: live.filter(({ asleep }) => asleep !== true).length,
      sessions: live.reduce((sum, { sessions = 1, asleep }) => sum + (asleep === true ? 0 : sessions), 0),
      arrivedMs: Math.max(0, this.#arrivedMs),
      backlogMs: live.reduce((sum, one) => sum + backlogMs(one), 0),
      asked: this.#asked + waiting,
      refused: this.#refused,
      bulk: this.#bulk,
      missed: this.#refused + this.#expired,
    };
    this.#sampledAt = now;
    [this.#arrivedMs, this.#asked, this.#refused, this.#expired, this.#bulk] = [0, 0, 0, 0, 0];
    return sample;
  }

  /** What came in is what has left and what there is more of. */
  #count(load: VariantLoad, before: VariantLoad | undefined): void {
    const expired = grown(load.expired ?? 0, before?.expired ?? 0);
    const left = grown(interactiveDone(load), before === undefined ? 0 : interactiveDone(before)) + expired;
    const more = backlogOf(load) - (before === undefined ? 0 : backlogOf(before));
    this.#arrivedMs += (left + more) * costMs(load);
    this.#expired += expired;
  }

  #forget(now: number): void {
    for (const [instance, { at }] of this.#workers) if (now - at > WORKER_GONE_AFTER_MS) this.left(instance);
    for (const [instance, { at }] of this.#schedulers) if (now - at > FORGOTTEN_AFTER_MS) this.#schedulers.delete(instance);
  }
}

function isSame(a: VariantLoad, b: VariantLoad): boolean {
  return a.model === b.model && a.precision === b.precision;
}

/** A count that is less than before began anew. */
function grown(now: number, before: number): number {
  return now >= before ? now - before : now;
}

function interactiveDone({ completed, failed, bulkCompleted = 0 }: VariantLoad): number {
  return Math.max(0, completed - bulkCompleted) + failed;
}

/** Bulk takes what is left, so it wants no worker. */
function backlogOf(load: VariantLoad): number {
  return interactiveQueued(load) + load.running + (load.unread ?? 0);
}

function backlogMs({ variants }: Heartbeat): number {
  return variants.reduce((ms, load) => ms + backlogOf(load) * costMs(load), 0);
}

/** Session time of one request in a full batch, ms; 0 where nothing is known. */
function costMs({ batchTimes = [], meanBatchMs, meanBatchSize }: VariantLoad): number {
  const fullMs = batchMs(batchTimes, FULL_BATCH);
  if (fullMs !== undefined) return fullMs / FULL_BATCH;
  return meanBatchSize > 0 ? meanBatchMs / meanBatchSize : 0;
}
