import type { Lane } from '@tandem/schemas';
import { ArrivalRate } from './arrival-rate.ts';
import { DueQueue, type QueueEntry } from './due-queue.ts';
import type { QueuedWork } from './types.ts';

/** Work of one group, by lane. */
export class BatchGroup<T> {
  readonly name: string;
  readonly interactive = new DueQueue<T>();
  readonly bulk = new DueQueue<T>();
  readonly arrivals = new ArrivalRate();

  constructor(name: string) {
    this.name = name;
  }

  lane(lane: Lane): DueQueue<T> {
    return lane === 'bulk' ? this.bulk : this.interactive;
  }
}

/** What waits, by group and lane. Groups are few; inside one, everything costs O(log n). */
export class BatchQueue<T> {
  readonly #groups = new Map<string, BatchGroup<T>>();
  readonly #patienceMs: number;
  #sequence = 0;
  #bulkSize = 0;
  /** Since when bulk has waited without a batch of it being taken. */
  #bulkWaitsSince = Infinity;
  /** When the last interactive work came, epoch ms. */
  #interactiveAt = -Infinity;

  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs;
  }

  get size(): number {
    let size = 0;
    for (const { interactive, bulk } of this.#groups.values()) size += interactive.size + bulk.size;
    return size;
  }

  get groups(): Iterable<BatchGroup<T>> {
    return this.#groups.values();
  }

  /** What it returns removes the work again. */
  add(work: QueuedWork<T>): QueueEntry<T> {
    const group = this.#group(work.group);
    group.arrivals.add(work.enqueuedAt);
    const entry = group.lane(work.lane).push(work, (this.#sequence += 1), this.#patienceMs);
    if (work.lane !== 'bulk') this.#interactiveAt = Math.max(this.#interactiveAt, work.enqueuedAt);
    else {
      if (this.#bulkSize === 0) this.#bulkWaitsSince = work.enqueuedAt;
      this.#bulkSize += 1;
    }
    return entry;
  }

  /** Takes one piece of work out again; false: it has been taken before. O(log n). */
  remove(entry: QueueEntry<T>): boolean {
    const { group, lane } = entry.work;
    if (!this.#group(group).lane(lane).remove(entry)) return false;
    if (lane === 'bulk' && (this.#bulkSize -= 1) === 0) this.#bulkWaitsSince = Infinity;
    return true;
  }

  /** Takes all work of some groups. */
  takeAll(isWanted: (group: string) => boolean, now: number): QueuedWork<T>[] {
    const lanes = ['interactive', 'bulk'] as const;
    const wanted = [...this.#groups.values()].filter(({ name }) => isWanted(name));
    return wanted.flatMap((group) => lanes.flatMap((lane) => this.take(group, lane, Infinity, now)));
  }

  /** Since the last interactive work came, ms. */
  sinceInteractiveMs(now: number): number {
    return now - this.#interactiveAt;
  }

  /** How long bulk has been passed over, ms. */
  bulkWaitMs(now: number): number {
    return Math.max(0, now - this.#bulkWaitsSince);
  }

  /** Removes the next of a group's lane. */
  take(group: BatchGroup<T>, lane: Lane, count: number, now: number): QueuedWork<T>[] {
    const taken: QueuedWork<T>[] = [];
    for (let next = count > 0 ? group.lane(lane).pop() : undefined; next !== undefined;) {
      taken.push(next);
      next = taken.length < count ? group.lane(lane).pop() : undefined;
    }
    this.#left(lane, taken.length, now);
    return taken;
  }

  /** Removes what has a deadline at or before the time. */
  takeExpired(group: BatchGroup<T>, at: number, now: number): QueuedWork<T>[] {
    const expired: QueuedWork<T>[] = [];
    for (const lane of ['interactive', 'bulk'] as const) {
      const before = expired.length;
      for (let next = group.lane(lane).popExpired(at); next !== undefined; next = group.lane(lane).popExpired(at)) expired.push(next);
      if (lane === 'bulk') this.#bulkSize -= expired.length - before;
    }
    if (this.#bulkSize === 0) this.#bulkWaitsSince = Infinity;
    else this.#bulkWaitsSince = Math.min(this.#bulkWaitsSince, now);
    return expired;
  }

  #left(lane: Lane, count: number, now: number): void {
    if (lane !== 'bulk') return;
    this.#bulkSize -= count;
    this.#bulkWaitsSince = this.#bulkSize === 0 ? Infinity : now;
  }

  #group(name: string): BatchGroup<T> {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    const group = new BatchGroup<T>(name);
    this.#groups.set(name, group);
    return group;
  }
}
