import type { Lane } from '@tandem/schemas';
import { BatchQueue, type BatchGroup } from '../batching/batch-queue.ts';
import type { SequenceLimits, SequenceSituation } from './limits.ts';
import { inTurn, type Sequence } from './sequence.ts';
import type { SequenceMemory } from './sequence-memory.ts';

/** One queue: which call a sequence is in is decided later. */
const GROUP = 'sequences';
/**
 * CPU of a token of a prompt and of a generated one, measured (docs/generate.md), ms: what a sequence is charged for. Only their
 * proportion counts.
 */
const PROMPT_TOKEN_MS = 0.008;
const GENERATED_TOKEN_MS = 0.12;

/**
 * Who waits for memory, and who gets it: shares of tiers and tenants as in request-level batching (BatchQueue), earliest
 * deadlines first inside them, bulk behind interactive work but never passed over for ever. Who was sent back once goes before
 * all who come for the first time.
 */
export class Admission<T> {
  readonly #queue: BatchQueue<Sequence<T>>;
  readonly #limits: SequenceLimits;
  /** In turn. */
  #sentBack: Sequence<T>[] = [];

  constructor(limits: SequenceLimits) {
    this.#limits = limits;
    this.#queue = new BatchQueue(limits);
  }

  /** Undefined until the first has come. */
  get #group(): BatchGroup<Sequence<T>> | undefined {
    for (const group of this.#queue.groups) return group;
    return undefined;
  }

  get size(): number {
    return this.#queue.size + this.#sentBack.length;
  }

  add(sequence: Sequence<T>): void {
    const { lane, tier, tenant, deadlineAt, enqueuedAt } = sequence.asked;
    sequence.entry = this.#queue.add({ payload: sequence, group: GROUP, lane, tier, tenant, deadlineAt, enqueuedAt });
  }

  /** It had memory and has lost it. */
  sendBack(sequence: Sequence<T>): void {
    this.#sentBack.push(sequence);
    this.#sentBack.sort(inTurn);
  }

  remove(sequence: Sequence<T>): void {
    if (sequence.entry !== undefined) this.#queue.remove(sequence.entry);
    this.#sentBack = this.#sentBack.filter((other) => other !== sequence);
  }

  /** Removes who cannot be done in time any more, or has waited for longer than its tier may. */
  takeExpired({ now, soonestTokenMs }: SequenceSituation): Sequence<T>[] {
    const group = this.#group;
    const due = group === undefined ? [] : this.#queue.takeExpired(group, now + soonestTokenMs, now);
    const overdue = [...this.#queue.takeTimedOut(now), ...due].map(({ payload }) => payload);
    const late = this.#sentBack.filter((sequence) => isTooLate(sequence, { now, soonestTokenMs }));
    this.#sentBack = this.#sentBack.filter((sequence) => !late.includes(sequence));
    return [...overdue, ...late];
  }

  /** Epoch ms; Infinity: nothing that waits has a deadline. */
  get nextExpiryAt(): number {
    const sentBack = this.#sentBack.map(({ asked }) => asked.deadlineAt ?? Infinity);
    return Math.min(this.#queue.nextExpiryAt, ...sentBack);
  }

  /**
   * Gives memory to the next, while there is some: room for its tokens, and a little for those under way to grow into.
   * @returns undefined: nobody waits, or there is no room
   */
  next(memory: SequenceMemory, underWay: number, now: number): Sequence<T> | undefined {
    const [sentBack] = this.#sentBack;
    const head = sentBack ?? this.#head(now);
    // Who does not fit is waited for: smaller ones behind it would keep it out for ever.
    if (head === undefined || !this.#fits(head, memory, underWay)) return undefined;
    if (head === sentBack) this.#sentBack.shift();
    else this.#take(head, now);
    return head;
  }

  /** Takes all, in any order. */
  takeAll(now: number): Sequence<T>[] {
    return [...this.#sentBack.splice(0), ...this.#queue.takeAll(() => true, now).map(({ payload }) => payload)];
  }

  #head(now: number): Sequence<T> | undefined {
    const group = this.#group;
    const lanes: Lane[] = this.#queue.bulkWaitMs(now) >= this.#limits.bulkEveryMs ? ['bulk', 'interactive'] : ['interactive', 'bulk'];
    return lanes.map((lane) => group?.lane(lane).peek()?.work.payload).find((sequence) => sequence !== undefined);
  }

  #take(head: Sequence<T>, now: number): void {
    const group = this.#group!;
    if (head.entry?.lane === 'bulk') this.#queue.takeBulk(group, 1, now);
    else this.#queue.takeInteractive(group, (size) => size <= 1, head.missing * PROMPT_TOKEN_MS + head.left * GENERATED_TOKEN_MS, now);
  }

  #fits(sequence: Sequence<T>, memory: SequenceMemory, underWay: number): boolean {
    const needed = memory.blocksFor(sequence.tokens.length + this.#limits.ahead);
    return needed + Math.ceil(underWay / 2) <= memory.available;
  }
}

/** Even the fastest tokens would not all be there in time. */
export function isTooLate({ asked: { deadlineAt }, left }: Sequence<unknown>, { now, soonestTokenMs }: SequenceSituation): boolean {
  return deadlineAt !== null && now + left * soonestTokenMs >= deadlineAt;
}
