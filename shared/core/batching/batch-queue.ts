import { DEFAULT_TIER, type Lane } from '@tandem/schemas';
import { ArrivalRate } from './arrival-rate.ts';
import { BinaryHeap } from './binary-heap.ts';
import { DueQueue } from './due-queue.ts';
import { FairQueue } from './fair-queue.ts';
import { Fairness } from './fairness.ts';
import { isSooner, type QueueEntry, type TimedEntry } from './queue-entry.ts';
import { QUEUE_RULES, type QueuedWork, type QueueRules, type TierTimeout } from './types.ts';

/** Work of one group, by lane. */
export class BatchGroup<T> {
  readonly name: string;
  readonly interactive: FairQueue<T>;
  readonly bulk = new DueQueue<T>();
  readonly arrivals = new ArrivalRate();
  /** From arrival to deadline, of the newest work with one. */
  givenMs = Infinity;

  constructor(name: string, fairness: Fairness) {
    this.name = name;
    this.interactive = new FairQueue<T>(fairness);
  }

  lane(lane: Lane): FairQueue<T> | DueQueue<T> {
    return lane === 'bulk' ? this.bulk : this.interactive;
  }
}

/** Whether a batch may grow to a size, with the earliest of its members' deadlines. */
export type Admits = (size: number, earliestDeadline: number) => boolean;

/** Losses are remembered for about so long. */
const LOSS_TAU_MS = 200;
/** Of what is served. */
const OVERLOAD_SHARE = 0.01;
/** Fewer within that time are chance. */
const FEWEST_LOSSES = 2;

/** What waits, by group and lane. Groups are few; inside one, everything costs O(log n). */
export class BatchQueue<T> {
  readonly #groups = new Map<string, BatchGroup<T>>();
  /** The same, in order of appearance: they are gone through several times for each batch. */
  readonly #all: BatchGroup<T>[] = [];
  readonly #rules: QueueRules;
  readonly #fairness: Fairness;
  /** Some tier has a timeout. */
  readonly #timesOut: boolean;
  readonly #timeouts = new BinaryHeap<TimedEntry<T>>(isSooner);
  readonly #lost = new ArrivalRate(LOSS_TAU_MS);
  readonly #served = new ArrivalRate(LOSS_TAU_MS);
  #sequence = 0;
  #size = 0;
  #bulkSize = 0;
  /** Since when bulk has waited without a batch of it being taken. */
  #bulkWaitsSince = Infinity;
  /** When the last interactive work came, epoch ms. */
  #interactiveAt = -Infinity;

  constructor(rules: Partial<QueueRules> = {}) {
    this.#rules = { ...QUEUE_RULES, ...rules };
    this.#fairness = new Fairness(this.#rules);
    this.#timesOut = Object.keys(this.#rules.tierTimeouts).length > 0;
  }

  get size(): number {
    return this.#size;
  }

  get groups(): readonly BatchGroup<T>[] {
    return this.#all;
  }

  /** What it returns removes the work again. */
  add(work: QueuedWork<T>): QueueEntry<T> {
    const { lane, deadlineAt, enqueuedAt } = work;
    const group = this.#group(work.group);
    group.arrivals.add(enqueuedAt);
    if (deadlineAt !== null) group.givenMs = deadlineAt - enqueuedAt;
    const entry: QueueEntry<T> = { work, lane, due: deadlineAt ?? enqueuedAt + this.#rules.patienceMs, sequence: (this.#sequence += 1), at: -1, expiry: undefined, timeout: undefined };
    group.lane(lane).push(entry);
    this.#size += 1;
    if (lane === 'bulk') this.#enteredBulk(enqueuedAt);
    else {
      this.#interactiveAt = Math.max(this.#interactiveAt, enqueuedAt);
      this.#setTimeout(entry);
    }
    return entry;
  }

  /** Takes one piece of work out again; false: it has been taken before. O(log n). */
  remove(entry: QueueEntry<T>): boolean {
    if (!this.#group(entry.work.group).lane(entry.lane).remove(entry)) return false;
    this.#size -= 1;
    if (entry.lane === 'bulk') this.#leftBulk(1);
    else this.#clearTimeout(entry);
    return true;
  }

  /** Takes all work of some groups. */
  takeAll(isWanted: (group: string) => boolean, now: number): QueuedWork<T>[] {
    const taken: QueuedWork<T>[] = [];
    for (const group of this.#all) {
      if (!isWanted(group.name)) continue;
      for (let entry = group.interactive.popAny(); entry !== undefined; entry = group.interactive.popAny()) taken.push(this.#taken(entry));
      taken.push(...this.takeBulk(group, Infinity, now));
    }
    return taken;
  }

  /** Since the last interactive work came, ms. */
  sinceInteractiveMs(now: number): number {
    return now - this.#interactiveAt;
  }

  /** How long bulk has been passed over, ms. */
  bulkWaitMs(now: number): number {
    return Math.max(0, now - this.#bulkWaitsSince);
  }

  /** Removes a group's next bulk. */
  takeBulk(group: BatchGroup<T>, count: number, now: number): QueuedWork<T>[] {
    const taken: QueuedWork<T>[] = [];
    while (taken.length < count) {
      const entry = group.bulk.pop();
      if (entry === undefined) break;
      taken.push(entry.work);
    }
    this.#size -= taken.length;
    this.#leftBulk(taken.length);
    if (this.#bulkSize > 0) this.#bulkWaitsSince = now;
    return taken;
  }

  /**
   * Removes a group's next interactive work, in the order of turns, for as long as it is admitted; one at least, if any
   * may be served.
   * @param costMs session time that each is charged
   */
  takeInteractive({ interactive }: BatchGroup<T>, admits: Admits, costMs: number, now: number): QueuedWork<T>[] {
    const first = interactive.pop(costMs);
    if (first === undefined) return [];
    // Most batches under a low load are of one: a list that grows from none has room for many.
    const taken = [this.#taken(first)];
    let earliestDeadline = first.work.deadlineAt ?? Infinity;
    for (let next = interactive.peek(); next !== undefined; next = interactive.peek()) {
      earliestDeadline = Math.min(earliestDeadline, next.work.deadlineAt ?? Infinity);
      if (!admits(taken.length + 1, earliestDeadline)) break;
      interactive.pop(costMs);
      taken.push(this.#taken(next));
    }
    this.#served.add(now, taken.length);
    return taken;
  }

  /** Interactive work is being lost: more than now and then, and just now. */
  isOverloaded(now: number): boolean {
    const lost = this.#lost.at(now);
    return lost * LOSS_TAU_MS >= FEWEST_LOSSES && lost > OVERLOAD_SHARE * this.#served.at(now);
  }

  /** Gives up a group's next interactive work that is due before a time, as long as more than so much is left; nobody is charged. */
  giveUp({ interactive }: BatchGroup<T>, dueBefore: number, atLeastLeft: number, now: number): QueuedWork<T>[] {
    const given: QueuedWork<T>[] = [];
    for (let next = interactive.peek(); next !== undefined && next.due < dueBefore && interactive.size > atLeastLeft; next = interactive.peek()) {
      interactive.pop(0);
      given.push(this.#taken(next));
    }
    this.#lost.add(now, given.length);
    return given;
  }

  /** Removes what has a deadline at or before the time. */
  takeExpired({ interactive, bulk }: BatchGroup<T>, at: number, now: number): QueuedWork<T>[] {
    const expired: QueuedWork<T>[] = [];
    for (let entry = interactive.popExpired(at); entry !== undefined; entry = interactive.popExpired(at)) expired.push(this.#taken(entry));
    const before = expired.length;
    if (before > 0) this.#lost.add(now, before);
    for (let work = bulk.popExpired(at); work !== undefined; work = bulk.popExpired(at)) expired.push(work);
    const count = expired.length - before;
    this.#size -= count;
    this.#leftBulk(count);
    if (this.#bulkSize > 0) this.#bulkWaitsSince = Math.min(this.#bulkWaitsSince, now);
    return expired;
  }

  /** Acts on interactive work that has waited for as long as its tier may: removes what is to be rejected. */
  takeTimedOut(now: number): QueuedWork<T>[] {
    const rejected: QueuedWork<T>[] = [];
    for (let next = this.#timeouts.peek(); next !== undefined && next.time <= now; next = this.#timeouts.peek()) {
      const { entry } = next;
      this.remove(entry);
      if (this.#timeoutOf(entry.work)?.action === 'delay') this.#putOff(entry, now);
      else rejected.push(entry.work);
    }
    return rejected;
  }

  /** When the next waits for too long, epoch ms: a deadline or a tier's timeout; Infinity: nothing has either. */
  get nextExpiryAt(): number {
    let at = this.#timeouts.peek()?.time ?? Infinity;
    for (const { interactive, bulk } of this.#all) at = Math.min(at, interactive.earliestDeadline, bulk.earliestDeadline);
    return at;
  }

  #putOff(entry: QueueEntry<T>, now: number): void {
    entry.lane = 'bulk';
    this.#group(entry.work.group).bulk.push(entry);
    this.#size += 1;
    this.#enteredBulk(now);
  }

  #taken(entry: QueueEntry<T>): QueuedWork<T> {
    this.#size -= 1;
    this.#clearTimeout(entry);
    return entry.work;
  }

  #timeoutOf({ tier = DEFAULT_TIER }: QueuedWork<T>): TierTimeout | undefined {
    const { tierTimeouts, tierWeights } = this.#rules;
    const isNamed = Object.hasOwn(tierTimeouts, tier) || Object.hasOwn(tierWeights, tier);
    const name = isNamed ? tier : DEFAULT_TIER;
    return Object.hasOwn(tierTimeouts, name) ? tierTimeouts[name] : undefined;
  }

  #setTimeout(entry: QueueEntry<T>): void {
    const timeout = this.#timesOut ? this.#timeoutOf(entry.work) : undefined;
    if (timeout === undefined) return;
    entry.timeout = { at: -1, time: entry.work.enqueuedAt + timeout.ms, entry };
    this.#timeouts.push(entry.timeout);
  }

  #clearTimeout({ timeout }: QueueEntry<T>): void {
    if (timeout !== undefined) this.#timeouts.remove(timeout);
  }

  #enteredBulk(now: number): void {
    if (this.#bulkSize === 0) this.#bulkWaitsSince = now;
    this.#bulkSize += 1;
  }

  #leftBulk(count: number): void {
    this.#bulkSize -= count;
    if (this.#bulkSize === 0) this.#bulkWaitsSince = Infinity;
  }

  #group(name: string): BatchGroup<T> {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    const group = new BatchGroup<T>(name, this.#fairness);
    this.#groups.set(name, group);
    this.#all.push(group);
    return group;
  }
}
