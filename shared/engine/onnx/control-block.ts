/**
 * What the main thread and the inference threads share besides tensors: which slots wait for a thread, and who has
 * taken which. Threads take work by themselves, oldest first, so a busy main thread leaves none of them idle while
 * a batch waits, and a batch never waits behind a slow one while another thread is free.
 */
const HALTED = 0;
/** One for each kind of thread: who is woken shall be one that may take what has come. */
const WAKE = 1;
const WAKE_BACKGROUND = 2;
const HEAD = 3;
const THREAD_FIELDS = 3;
const MESSAGES = 0;
const BUSY = 1;
const ABANDONED = 2;
const FIELDS = 3;
const OWNER = 0;
const SEQUENCE = 1;
const VERSION = 2;
const IDLE = 0;
const QUEUED = -1;
const QUEUED_IN_BACKGROUND = -2;

export function createControlBuffer(slots: number, threads: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * (HEAD + THREAD_FIELDS * threads + FIELDS * slots));
}

export class ControlBlock {
  readonly buffer: SharedArrayBuffer;
  readonly #cells: Int32Array;
  readonly #threads: number;
  readonly #slots: number;

  constructor(buffer: SharedArrayBuffer, threads: number) {
    this.buffer = buffer;
    this.#cells = new Int32Array(buffer);
    this.#threads = threads;
    this.#slots = (this.#cells.length - HEAD - THREAD_FIELDS * threads) / FIELDS;
  }

  /** Main: offers the slot to the threads of a kind. Sequence numbers grow. */
  enqueue(slot: number, sequence: number, background = false): void {
    Atomics.store(this.#cells, this.#at(slot, SEQUENCE), sequence);
    Atomics.store(this.#cells, this.#at(slot, OWNER), queued(background));
    this.#wake(background, 1);
  }

  /** Thread: takes the oldest slot that waits for its kind. */
  claim(thread: number, background = false): number | undefined {
    for (;;) {
      const slot = this.#oldest(queued(background));
      if (slot === undefined) return undefined;
      if (Atomics.compareExchange(this.#cells, this.#at(slot, OWNER), queued(background), thread + 1) === queued(background)) return slot;
    }
  }

  /** Main: the slot's result has arrived, or its thread has died. Only then: a death in between would go unnoticed. */
  finish(slot: number): void {
    Atomics.store(this.#cells, this.#at(slot, OWNER), IDLE);
  }

  /** Main: what a thread had taken when it died. */
  claimedBy(thread: number): number[] {
    const claimed: number[] = [];
    for (let slot = 0; slot < this.#slots; slot += 1) {
      if (Atomics.load(this.#cells, this.#at(slot, OWNER)) === thread + 1) claimed.push(slot);
    }
    return claimed;
  }

  /** Changes with every run of the slot. */
  sequence(slot: number): number {
    return Atomics.load(this.#cells, this.#at(slot, SEQUENCE));
  }

  version(slot: number): number {
    return Atomics.load(this.#cells, this.#at(slot, VERSION));
  }

  setVersion(slot: number, version: number): void {
    Atomics.store(this.#cells, this.#at(slot, VERSION), version);
  }

  /** How many control messages have been posted to the thread. */
  messages(thread: number): number {
    return Atomics.load(this.#cells, threadCell(thread, MESSAGES));
  }

  /** Main, after posting a message. */
  announceMessage(thread: number): void {
    Atomics.add(this.#cells, threadCell(thread, MESSAGES), 1);
    for (const background of [false, true]) this.#wake(background, Infinity);
  }

  /** Thread: it may be inside native code until it is idle. False: everything is halted, begin nothing. */
  begin(thread: number): boolean {
    Atomics.store(this.#cells, threadCell(thread, BUSY), 1);
    if (Atomics.load(this.#cells, HALTED) === 0) return true;
    this.idle(thread);
    return false;
  }

  idle(thread: number): void {
    Atomics.store(this.#cells, threadCell(thread, BUSY), 0);
    Atomics.notify(this.#cells, threadCell(thread, BUSY));
  }

  /** Main: nobody waits for this thread any more; it ends if it ever comes back. */
  abandon(thread: number): void {
    Atomics.store(this.#cells, threadCell(thread, ABANDONED), 1);
  }

  isAbandoned(thread: number): boolean {
    return Atomics.load(this.#cells, threadCell(thread, ABANDONED)) === 1;
  }

  /** Main: the thread has ended, another may have its place. */
  vacate(thread: number): void {
    Atomics.store(this.#cells, threadCell(thread, ABANDONED), 0);
    this.idle(thread);
  }

  /**
   * Main: threads begin nothing more. Blocks until none is busy, at most so long.
   * @returns whether some thread is still busy
   */
  halt(timeoutMs: number): boolean {
    Atomics.store(this.#cells, HALTED, 1);
    const until = performance.now() + timeoutMs;
    let busy = false;
    for (let thread = 0; thread < this.#threads; thread += 1) {
      const patienceMs = this.isAbandoned(thread) ? 0 : Math.max(0, until - performance.now());
      if (Atomics.wait(this.#cells, threadCell(thread, BUSY), 1, patienceMs) === 'timed-out') busy = true;
    }
    return busy;
  }

  /** Read before looking for work; `sleep` returns at once if anything has been offered since. */
  wakeCount(background = false): number {
    return Atomics.load(this.#cells, wakeCell(background));
  }

  sleep(wakeCount: number, background = false): void {
    Atomics.wait(this.#cells, wakeCell(background), wakeCount);
  }

  #wake(background: boolean, threads: number): void {
    Atomics.add(this.#cells, wakeCell(background), 1);
    Atomics.notify(this.#cells, wakeCell(background), threads);
  }

  #oldest(state: number): number | undefined {
    let oldest: number | undefined;
    let lowest = 0;
    for (let slot = 0; slot < this.#slots; slot += 1) {
      if (Atomics.load(this.#cells, this.#at(slot, OWNER)) !== state) continue;
      const sequence = Atomics.load(this.#cells, this.#at(slot, SEQUENCE));
      // The difference wraps as the numbers do.
      if (oldest === undefined || ((sequence - lowest) | 0) < 0) [oldest, lowest] = [slot, sequence];
    }
    return oldest;
  }

  #at(slot: number, field: number): number {
    return HEAD + THREAD_FIELDS * this.#threads + FIELDS * slot + field;
  }
}

function wakeCell(background: boolean): number {
  return background ? WAKE_BACKGROUND : WAKE;
}

function queued(background: boolean): number {
  return background ? QUEUED_IN_BACKGROUND : QUEUED;
}

function threadCell(thread: number, field: number): number {
  return HEAD + THREAD_FIELDS * thread + field;
}
