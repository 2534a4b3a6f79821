import { BinaryHeap, type HeapItem } from './binary-heap.ts';
import { DueQueue } from './due-queue.ts';
import type { Fairness, Flow, Tier } from './fairness.ts';
import { isBefore, isSooner, type QueueEntry, type TimedEntry } from './queue-entry.ts';

/** A flow's work of this group. */
interface Part<T> extends HeapItem {
  readonly flow: Flow;
  readonly queue: DueQueue<T>;
  /** Of its earliest. */
  due: number;
  sequence: number;
  /** Its flow's virtual time when it was put where it lies. */
  tagMs: number;
  heap: BinaryHeap<Part<T>> | undefined;
}

interface TierParts<T> {
  readonly tier: Tier;
  /** Of flows that may be served now, earliest due first. */
  readonly within: BinaryHeap<Part<T>>;
  /** Of flows that have had too much, least first. */
  readonly ahead: BinaryHeap<Part<T>>;
}

/**
 * The interactive work of one group. Next is the earliest due of all flows that are not ahead of their share by more
 * than the window: deadlines decide for as long as nobody takes what is another's. Parts are moved between the
 * heaps when they come to the top, once for each time that their flow was served: O(log n) amortised.
 */
export class FairQueue<T> {
  readonly #fairness: Fairness;
  /** Few: a list takes less than a map. */
  readonly #tiers: TierParts<T>[] = [];
  readonly #parts = new Map<Flow, Part<T>>();
  readonly #expiries = new BinaryHeap<TimedEntry<T>>(isSooner);
  #size = 0;

  constructor(fairness: Fairness) {
    this.#fairness = fairness;
  }

  get size(): number {
    return this.#size;
  }

  push(entry: QueueEntry<T>): void {
    const { work } = entry;
    const part = this.#partOf(this.#fairness.flow(work.tier, work.tenant));
    part.queue.push(entry);
    if (work.deadlineAt !== null) this.#expiries.push((entry.expiry = { at: -1, time: work.deadlineAt, entry }));
    this.#size += 1;
    this.#fairness.added(part.flow);
    // Mostly it comes behind others, and its part stays where it lies.
    if (part.queue.peek() === entry) this.#place(part);
  }

  /** False: it has been taken before. */
  remove(entry: QueueEntry<T>): boolean {
    const part = this.#parts.get(this.#fairness.flow(entry.work.tier, entry.work.tenant));
    if (part?.queue.remove(entry) !== true) return false;
    this.#left(part, entry);
    return true;
  }

  /** Of what may be served now; Infinity: nothing may. */
  get earliestDue(): number {
    return this.#next()?.due ?? Infinity;
  }

  /** Infinity where nothing has a deadline. */
  get earliestDeadline(): number {
    return this.#expiries.peek()?.time ?? Infinity;
  }

  /** The next to be served; undefined: it is others' turn. */
  peek(): QueueEntry<T> | undefined {
    return this.#next()?.queue.peek();
  }

  /** @param costMs session time that its flow is charged */
  pop(costMs: number): QueueEntry<T> | undefined {
    const part = this.#next();
    const entry = part?.queue.pop();
    if (part === undefined || entry === undefined) return undefined;
    this.#left(part, entry);
    this.#fairness.charge(part.flow, costMs);
    return entry;
  }

  /** Takes one whose deadline is at or before the time. */
  popExpired(at: number): QueueEntry<T> | undefined {
    if (this.earliestDeadline > at) return undefined;
    const { entry } = this.#expiries.peek()!;
    this.remove(entry);
    return entry;
  }

  /** Takes any, whoever's turn it is. */
  popAny(): QueueEntry<T> | undefined {
    for (const part of this.#parts.values()) {
      const entry = part.queue.pop();
      if (entry === undefined) continue;
      this.#left(part, entry);
      return entry;
    }
    return undefined;
  }

  #left(part: Part<T>, { expiry }: QueueEntry<T>): void {
    if (expiry !== undefined) this.#expiries.remove(expiry);
    this.#size -= 1;
    this.#fairness.left(part.flow);
    this.#place(part);
  }

  #next(): Part<T> | undefined {
    let best: Part<T> | undefined;
    for (const parts of this.#tiers) {
      if (!this.#fairness.isTierWithin(parts.tier)) continue;
      const top = this.#topOf(parts);
      if (top !== undefined && (best === undefined || isBefore(top, best))) best = top;
    }
    return best;
  }

  #topOf({ within, ahead }: TierParts<T>): Part<T> | undefined {
    for (let part = ahead.peek(); part !== undefined; part = ahead.peek()) {
      if (part.tagMs === part.flow.share.virtualMs && !this.#fairness.isFlowWithin(part.flow)) break;
      this.#place(part);
    }
    for (let part = within.peek(); part !== undefined; part = within.peek()) {
      if (this.#fairness.isFlowWithin(part.flow)) return part;
      this.#place(part);
    }
    return undefined;
  }

  /** Puts it where its earliest work and its flow's virtual time say. */
  #place(part: Part<T>): void {
    const { flow, queue } = part;
    part.heap?.remove(part);
    part.heap = undefined;
    const head = queue.peek();
    if (head === undefined) {
      // Flows without a tenant are few and come back at once.
      if (flow.tenant !== '') this.#parts.delete(flow);
      return;
    }
    part.due = head.due;
    part.sequence = head.sequence;
    part.tagMs = flow.share.virtualMs;
    const { within, ahead } = this.#tierParts(flow.tier);
    part.heap = this.#fairness.isFlowWithin(flow) ? within : ahead;
    part.heap.push(part);
  }

  #partOf(flow: Flow): Part<T> {
    const known = this.#parts.get(flow);
    if (known !== undefined) return known;
    const part: Part<T> = { flow, queue: new DueQueue<T>(), due: 0, sequence: 0, tagMs: 0, heap: undefined, at: -1 };
    this.#parts.set(flow, part);
    return part;
  }

  #tierParts(tier: Tier): TierParts<T> {
    for (const known of this.#tiers) if (known.tier === tier) return known;
    const parts: TierParts<T> = { tier, within: new BinaryHeap<Part<T>>(isBefore), ahead: new BinaryHeap<Part<T>>(hasHadLess) };
    this.#tiers.push(parts);
    return parts;
  }
}

function hasHadLess(a: { tagMs: number }, b: { tagMs: number }): boolean {
  return a.tagMs < b.tagMs;
}
