import { Admission, isTooLate } from './admission.ts';
import type { SequenceLimits, SequenceSituation } from './limits.ts';
import { SequenceMemory } from './sequence-memory.ts';
import { goesBefore, inTurn, Sequence, type NewSequence } from './sequence.ts';

/** Sequences that run together, and what the call computes: whole prompts, or one more token of each. */
export interface SequenceCall<T> {
  kind: 'prefill' | 'step';
  /** In turn. */
  sequences: readonly Sequence<T>[];
}

export interface SequenceDecision<T> {
  /** They have left: not to be done in time any more. */
  expired: Sequence<T>[];
  /** They had memory that others need more; they wait again, with what they have generated. */
  preempted: Sequence<T>[];
  /** To be run now; undefined: nothing can. Its sequences are running until `advanced` or `failed`. */
  call?: SequenceCall<T>;
}

/** Padding may be a third of a prefill call. */
const MOST_PADDING = 1.5;
/**
 * Prompts wait for company: computed one by one a prompt of 73 tokens takes 1,060 µs, in a call of eight 605. So while this many
 * are under way, beyond which a step costs the same per sequence, fewer prompts than that are put off for so many steps.
 */
const BUSY_FROM = 8;
const PROMPTS_COMPANY = 4;
const PROMPTS_PATIENCE = 4;

/**
 * Continuous batching of decoders at the level of iterations (Yu et al., "Orca", OSDI 2022): before each call sequences join and
 * leave. Decides who has memory, who runs next and who gives way; holds no tensors and does no I/O, and time comes in with the
 * calls. Cache memory is in blocks (Kwon et al., "PagedAttention", SOSP 2023), given as sequences grow. When it runs out, what
 * finished ones have left behind goes first, then the sequence that is last in turn: it is computed anew later, from its
 * tokens. The first in turn is never sent back, so all are done in the end.
 */
export class SequenceSchedule<T> {
  readonly #limits: SequenceLimits;
  readonly #memory: SequenceMemory;
  readonly #admission: Admission<T>;
  readonly #ready = new Set<Sequence<T>>();
  readonly #running = new Set<Sequence<T>>();
  /** All that have not left. */
  readonly #present = new Set<Sequence<T>>();
  #order = 0;
  #lastKind: SequenceCall<T>['kind'] = 'step';
  #reusedTokens = 0;
  /** Steps for which prompts have been put off. */
  #putOff = 0;

  /** @param onFreed see BlockPool */
  constructor(limits: SequenceLimits, onFreed?: (block: number) => void) {
    this.#limits = limits;
    this.#memory = new SequenceMemory(limits, onFreed);
    this.#admission = new Admission(limits);
  }

  get waiting(): number {
    return this.#admission.size;
  }

  /** With memory, in a call or not. */
  get underWay(): number {
    return this.#ready.size + this.#running.size;
  }

  get usedBlocks(): number {
    return this.#memory.used;
  }

  get evictions(): number {
    return this.#memory.evictions;
  }

  /** Tokens of prompts that were found in memory. */
  get reusedTokens(): number {
    return this.#reusedTokens;
  }

  /** When the next that waits expires, epoch ms; Infinity: none does. */
  get nextExpiryAt(): number {
    return this.#admission.nextExpiryAt;
  }

  /** The longest sequence, prompt and generated, that memory can hold. */
  get mostTokens(): number {
    return this.#memory.size * this.#limits.blockPositions - this.#limits.ahead;
  }

  /** @throws {RangeError} for an empty prompt, nothing to generate, or more tokens than memory holds */
  add(asked: NewSequence<T>): Sequence<T> {
    const { prompt, count, deadlineAt, enqueuedAt } = asked;
    if (prompt.length < 1 || count < 1) throw new RangeError('a sequence needs a prompt of one token at least, and one to generate');
    if (prompt.length + count - 1 > this.mostTokens) throw new RangeError(`a sequence of ${prompt.length + count - 1} tokens does not fit into memory for ${this.mostTokens}`);
    const sequence = new Sequence(asked, deadlineAt ?? enqueuedAt + this.#limits.patienceMs, (this.#order += 1));
    this.#present.add(sequence);
    this.#admission.add(sequence);
    return sequence;
  }

  /** It is not wanted any more. True: it has left; false: it leaves when its call ends, or had left before. */
  cancel(sequence: Sequence<T>): boolean {
    if (sequence.state === 'left') return false;
    if (sequence.state === 'running') {
      sequence.doomed = true;
      return false;
    }
    this.#admission.remove(sequence);
    this.#leave(sequence);
    return true;
  }

  /** Takes out who cannot be done in time any more. */
  expire(situation: SequenceSituation): Sequence<T>[] {
    const late = [...this.#ready].filter((sequence) => isTooLate(sequence, situation));
    const expired = [...this.#admission.takeExpired(situation), ...late];
    for (const sequence of expired) this.#leave(sequence);
    return expired;
  }

  /** What to run on a free session. */
  next(situation: SequenceSituation): SequenceDecision<T> {
    const expired = this.expire(situation);
    this.#admit(situation.now);
    const preempted: Sequence<T>[] = [];
    const call = this.#form(preempted);
    if (call === undefined) return { expired, preempted };
    this.#lastKind = call.kind;
    for (const sequence of call.sequences) this.#move(sequence, 'running');
    return { expired, preempted, call };
  }

  /**
   * A call has given a running sequence its next tokens: one, or more where drafts were right. All but the last are in memory.
   * Tokens beyond what it wants are dropped.
   * @returns left: it has all it wanted, or was not wanted any more
   */
  advanced(sequence: Sequence<T>, tokens: readonly number[], now: number): 'ready' | 'finished' | 'cancelled' {
    this.#requireRunning(sequence);
    const wanted = tokens.slice(0, sequence.left);
    sequence.cached = sequence.tokens.length + wanted.length - 1;
    sequence.tokens.push(...wanted);
    if (sequence.left > 0 && !sequence.doomed) {
      this.#move(sequence, 'ready');
      return 'ready';
    }
    this.#memory.retain(sequence, now);
    this.#leave(sequence);
    return sequence.doomed ? 'cancelled' : 'finished';
  }

  /** Its call has failed, so nobody knows what its memory holds. It leaves, or runs again, from its tokens and by itself. */
  failed(sequence: Sequence<T>, again: 'alone' | 'never'): 'waiting' | 'cancelled' | 'left' {
    this.#requireRunning(sequence);
    if (again === 'alone' && !sequence.doomed) {
      sequence.alone = true;
      this.#wait(sequence);
      return 'waiting';
    }
    this.#leave(sequence);
    return sequence.doomed ? 'cancelled' : 'left';
  }

  /** Takes out all that is not in a call. */
  takeAll(now: number): Sequence<T>[] {
    const taken = [...this.#ready, ...this.#admission.takeAll(now)];
    for (const sequence of taken) this.#leave(sequence);
    return taken;
  }

  /** What finished sequences of these owners have left behind is given up, and those that are here leave nothing. */
  forget(isMeant: (owner: string) => boolean): void {
    for (const sequence of this.#present) if (sequence.owner !== undefined && isMeant(sequence.owner)) sequence.owner = undefined;
    this.#memory.forget(isMeant);
  }

  /** Gives up what was left behind before then and not used since. */
  expireRetained(usedBefore: number): void {
    this.#memory.expire(usedBefore);
  }

  /** As many as the next calls can take; prompts that nobody computes yet would only take memory. */
  #admit(now: number): void {
    const { maxBatchSize, sessions } = this.#limits;
    let uncomputed = 0;
    for (const { missing } of this.#ready) if (missing > 1) uncomputed += 1;
    while (this.underWay < maxBatchSize * sessions && uncomputed < maxBatchSize) {
      const sequence = this.#admission.next(this.#memory, this.underWay, now);
      if (sequence === undefined) return;
      this.#reusedTokens += this.#memory.reuse(sequence);
      if (!this.#memory.ensure(sequence, sequence.tokens.length)) throw new Error('a sequence was admitted without room for its tokens');
      this.#move(sequence, 'ready');
      if (sequence.missing > 1) uncomputed += 1;
    }
  }

  /** A prefill after each step and a step after each prefill, where there is work for both. */
  #form(preempted: Sequence<T>[]): SequenceCall<T> | undefined {
    const ready = [...this.#ready].sort(inTurn);
    const [prompts, steps] = [ready.filter(({ missing }) => missing > 1), ready.filter(({ missing }) => missing === 1)];
    const isPrefillsTurn = prompts.length > 0 && (steps.length === 0 || (this.#lastKind === 'step' && !this.#waitForCompany(prompts.length, steps.length)));
    if (isPrefillsTurn) return { kind: 'prefill', sequences: this.#prefillOf(prompts) };
    const sequences = this.#stepOf(steps, preempted);
    if (sequences.length > 0) return { kind: 'step', sequences };
    return prompts.length === 0 ? undefined : { kind: 'prefill', sequences: this.#prefillOf(prompts.filter(({ state }) => state === 'ready')) };
  }

  #waitForCompany(prompts: number, steps: number): boolean {
    this.#putOff += 1;
    if (prompts < PROMPTS_COMPANY && steps >= BUSY_FROM && this.#putOff <= PROMPTS_PATIENCE) return true;
    this.#putOff = 0;
    return false;
  }

  /** Prompts in turn, as long as they are of similar length and not too many tokens. */
  #prefillOf(prompts: readonly Sequence<T>[]): Sequence<T>[] {
    const chosen: Sequence<T>[] = [];
    let [longest, tokens] = [0, 0];
    for (const sequence of companyOf(prompts)) {
      const [width, sum] = [Math.max(longest, sequence.missing), tokens + sequence.missing];
      const padded = width * (chosen.length + 1);
      if (chosen.length >= this.#limits.maxBatchSize) break;
      if (chosen.length > 0 && (padded > this.#limits.maxPrefillTokens || padded > MOST_PADDING * sum)) break;
      chosen.push(sequence);
      [longest, tokens] = [width, sum];
    }
    return chosen;
  }

  /** Those in turn that have or get room for the next token; sessions share what is under way evenly. */
  #stepOf(steps: readonly Sequence<T>[], preempted: Sequence<T>[]): Sequence<T>[] {
    const { maxBatchSize, sessions, ahead } = this.#limits;
    const most = Math.min(maxBatchSize, Math.max(1, Math.ceil(this.underWay / sessions)));
    const chosen: Sequence<T>[] = [];
    for (const sequence of companyOf(steps)) {
      if (chosen.length >= most) break;
      if (sequence.state !== 'ready') continue;
      if (this.#makeRoom(sequence, sequence.tokens.length + Math.min(ahead, sequence.left - 1), chosen, preempted)) chosen.push(sequence);
    }
    return chosen;
  }

  /** At the expense of who is last in turn, if that is after it; else it waits until others have ended. */
  #makeRoom(sequence: Sequence<T>, positions: number, chosen: readonly Sequence<T>[], preempted: Sequence<T>[]): boolean {
    while (!this.#memory.ensure(sequence, positions)) {
      const victim = this.#lastInTurn(chosen);
      if (victim === undefined || victim === sequence) return false;
      preempted.push(victim);
      victim.preemptions += 1;
      this.#wait(victim);
    }
    return true;
  }

  #lastInTurn(spared: readonly Sequence<T>[]): Sequence<T> | undefined {
    let last: Sequence<T> | undefined;
    for (const sequence of this.#ready) {
      if (spared.includes(sequence)) continue;
      if (last === undefined || goesBefore(last, sequence)) last = sequence;
    }
    return last;
  }

  #wait(sequence: Sequence<T>): void {
    this.#move(sequence, 'waiting');
    this.#memory.release(sequence);
    this.#admission.sendBack(sequence);
  }

  #leave(sequence: Sequence<T>): void {
    this.#move(sequence, 'left');
    this.#present.delete(sequence);
    this.#memory.release(sequence);
  }

  #move(sequence: Sequence<T>, state: Sequence<T>['state']): void {
    this.#ready.delete(sequence);
    this.#running.delete(sequence);
    sequence.state = state;
    if (state === 'ready') this.#ready.add(sequence);
    if (state === 'running') this.#running.add(sequence);
  }

  /** @throws {Error} where no call has it: a defect that would give tokens to a sequence twice */
  #requireRunning(sequence: Sequence<T>): void {
    if (sequence.state !== 'running') throw new Error(`a sequence that is ${sequence.state} has no call to end`);
  }
}

/** Who may share a call: the first in turn by itself if it has to be, else all who need not. */
function companyOf<T>(inTurn: readonly Sequence<T>[]): readonly Sequence<T>[] {
  const [first] = inTurn;
  return first?.alone === true ? [first] : inTurn.filter(({ alone }) => !alone);
}
