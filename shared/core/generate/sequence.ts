import type { Lane } from '@tandem/schemas';
import type { QueueEntry } from '../batching/queue-entry.ts';

/** What is asked for: so many tokens after a prompt. */
export interface NewSequence<T> {
  payload: T;
  /** Whose cached tokens it may go on from, and to whom its own are left; undefined: nobody's. */
  owner?: string | undefined;
  /** One token at least. */
  prompt: readonly number[];
  /** How many tokens it is to generate, one at least. */
  count: number;
  lane: Lane;
  tier?: string | undefined;
  tenant?: string | undefined;
  /** Epoch ms; null: none. */
  deadlineAt: number | null;
  /** Epoch ms. */
  enqueuedAt: number;
  /** It shares no call with others: it may be what makes them fail. @default false */
  alone?: boolean;
}

/**
 * waiting: has no memory. ready: has memory, and its next call can begin. running: a call has it. left: finished, expired, taken back
 * or failed.
 */
export type SequenceState = 'waiting' | 'ready' | 'running' | 'left';

/** One sequence on its way; the schedule alone changes it. */
export class Sequence<T> {
  readonly asked: NewSequence<T>;
  /** Prompt and what has been generated. */
  readonly tokens: number[];
  /** Epoch ms: its deadline, or how long it is expected to be patient. */
  readonly due: number;
  readonly order: number;
  /** To whom it leaves what it has computed; undefined: to nobody. */
  owner: string | undefined;
  state: SequenceState = 'waiting';
  alone: boolean;
  /** Of its tokens, from the first: their keys and values are in its blocks. */
  cached = 0;
  blocks: number[] = [];
  /** It leaves when its call ends. */
  doomed = false;
  preemptions = 0;
  /** Its place among those who wait for the first time. */
  entry: QueueEntry<Sequence<T>> | undefined;

  constructor(asked: NewSequence<T>, due: number, order: number) {
    this.asked = asked;
    this.tokens = [...asked.prompt];
    this.due = due;
    this.order = order;
    this.owner = asked.owner;
    this.alone = asked.alone ?? false;
  }

  get generated(): readonly number[] {
    return this.tokens.slice(this.asked.prompt.length);
  }

  /** Tokens that it still has to generate. */
  get left(): number {
    return this.asked.prompt.length + this.asked.count - this.tokens.length;
  }

  /** Tokens whose keys and values have to be computed by its next call. */
  get missing(): number {
    return this.tokens.length - this.cached;
  }
}

/** Who goes first: interactive before bulk, then who is due sooner, then who came first. */
export function goesBefore(a: Sequence<unknown>, b: Sequence<unknown>): boolean {
  if (a.asked.lane !== b.asked.lane) return a.asked.lane === 'interactive';
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}

export function inTurn(a: Sequence<unknown>, b: Sequence<unknown>): number {
  return goesBefore(a, b) ? -1 : 1;
}
