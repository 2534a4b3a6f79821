import './no-telemetry.ts';
import { Worker } from 'node:worker_threads';
import { PassingMap } from '../../collections/index.ts';
import { TandemError, messageOf } from '../../errors/index.ts';
import type { Logger } from '../../telemetry/index.ts';
import type { Slot } from './buffer-pool.ts';
import { ControlBlock, createControlBuffer } from './control-block.ts';
import type { CopiedOutputs, GraphReport, GraphToLoad, ThreadCommand, ThreadData, ThreadReport } from './messages.ts';
import type { CompiledOptions } from './options.ts';
import { Watchdog, type ThreadRun } from './watchdog.ts';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;
const EXIT_GRACE_MS = 2_000;
/** A thread that gives way can take so many times as long as one that does not. */
const BACKGROUND_PATIENCE = 10;

interface Settle<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

interface Thread {
  worker: Worker;
  /** Its place in the control block. */
  seat: number;
  background: boolean;
  /** Loads that this thread has not answered yet. */
  loads: Map<number, Settle<GraphReport>>;
  /** By graph: a thread that starts while a graph is being loaded is told of it by both, and would keep two sessions of which it knows one. */
  told: Map<number, Promise<GraphReport>>;
  exited: Promise<void>;
  /** It was asked to end. */
  recycled: boolean;
  /** It hangs; another has taken its place. */
  abandoned: boolean;
}

/**
 * The inference threads: first those that run what is wanted now, then those in the background, which start with the first run that is for them. A thread that dies is replaced, with every graph loaded again; what it was running is
 * rejected with `engine_thread_lost`. One that hangs is left alone and replaced: what it was running is rejected with
 * `thread_hung`, its buffers are not used again, and if it ever comes back it ends. A fault inside native code that
 * ends the process is beyond any thread's reach.
 */
export class ThreadPool {
  readonly #options: CompiledOptions;
  /** Of both kinds. */
  readonly #count: number;
  readonly #control: ControlBlock;
  readonly #logger: Logger;
  readonly #threads: (Thread | undefined)[] = [];
  readonly #graphs = new Map<number, GraphToLoad>();
  readonly #slots = new Map<number, Slot>();
  readonly #running = new PassingMap<number, Settle<CopiedOutputs | undefined>>();
  /** Deaths in a row without a result between them, by thread. */
  readonly #losses: number[];
  readonly #replacements = new Set<NodeJS.Timeout>();
  readonly #watchdog: Watchdog;
  /** Places in the control block: as many threads may hang as work. */
  readonly #freeSeats: number[];
  readonly #stuck = new Set<Thread>();
  #exhausted = false;
  #backgroundStarted = false;
  /**
   * ONNX Runtime's binding aborts the process when its thread is torn down inside a call, so whoever exits waits for
   * what runs, within a bound; and a thread that never comes back would keep the process from ending.
   */
  readonly #onProcessExit = (): void => {
    if (this.#control.halt(EXIT_GRACE_MS)) process.kill(process.pid, 'SIGKILL');
  };
  #nextLoad = 0;
  #sequence = 0;
  #closing = false;

  constructor(options: CompiledOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#count = options.threads + options.backgroundThreads;
    const seats = 2 * this.#count;
    this.#freeSeats = Array.from({ length: seats }, (_, index) => seats - 1 - index);
    this.#control = new ControlBlock(createControlBuffer(options.maxLeases, seats), seats);
    this.#losses = new Array<number>(this.#count).fill(0);
    this.#watchdog = new Watchdog(options.runTimeoutMs, () => this.#runs(), (index) => this.#abandon(index));
    for (let index = 0; index < options.threads; index += 1) this.#start(index);
    process.on('exit', this.#onProcessExit);
  }

  /**
   * Loads a graph on every thread, one thread after the other, so that the others go on serving.
   * @throws the first thread's refusal; nothing stays loaded
   */
  async load(graph: GraphToLoad): Promise<GraphReport> {
    this.#graphs.set(graph.id, graph);
    try {
      let first: GraphReport | undefined;
      for (let index = 0; index < this.#count; index += 1) {
        const report = await this.#loadOn(index, graph);
        first ??= report;
      }
      if (first === undefined) throw new Error('every inference thread is being replaced');
      return first;
    } catch (error) {
      this.unload(graph.id);
      throw error;
    }
  }

  unload(graph: number): void {
    this.#graphs.delete(graph);
    for (const thread of this.#threads) thread?.told.delete(graph);
    this.#tellAll({ kind: 'unload', graph });
  }

  /** Makes a slot's new buffer known before it is run. */
  addBuffer(slot: Slot): void {
    this.#slots.set(slot.id, slot);
    this.#control.setVersion(slot.id, slot.version);
    this.#tellAll(slotCommand(slot));
  }

  /**
   * Runs what the slot's header says, on the first free thread of the kind.
   * @returns the outputs that could not be written in place
   * @throws {TandemError} `inference_failed`, `inference_out_of_memory`, `engine_thread_lost`, `thread_hung`, `engine_closed`
   */
  run(slot: Slot, background: boolean): Promise<CopiedOutputs | undefined> {
    if (this.#closing) return Promise.reject(closedError());
    if (background) this.#startBackground();
    return new Promise((resolve, reject) => {
      this.#running.set(slot.id, { resolve, reject });
      this.#sequence = (this.#sequence + 1) | 0;
      this.#control.enqueue(slot.id, this.#sequence, background);
    });
  }

  /** Lets a thread finish its batch and starts another in its place: the way out of native memory that grows. */
  async recycle(index: number): Promise<void> {
    const thread = this.#threads[index];
    if (thread === undefined) return;
    thread.recycled = true;
    this.#tell(index, { kind: 'stop' });
    await thread.exited;
  }

  /** For tests of faults. */
  loseThread(index: number): void {
    this.#tell(index, { kind: 'die' });
  }

  /** Lets running batches end, then stops the threads. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    this.#watchdog.stop();
    for (const timer of this.#replacements) clearTimeout(timer);
    this.#tellAll({ kind: 'stop' });
    const ended = await Promise.all(this.#threads.map(async (thread) => thread === undefined || endedWithin(thread, graceMs)));
    if (!ended.includes(false) && this.#stuck.size === 0) process.off('exit', this.#onProcessExit);
    else this.#logger.warn({ graceMs }, 'an inference thread is still busy; it ends with the process');
    for (const settle of this.#running.values()) settle.reject(closedError());
    this.#running.clear();
  }

  #startBackground(): void {
    if (this.#backgroundStarted) return;
    this.#backgroundStarted = true;
    for (let index = this.#options.threads; index < this.#count; index += 1) this.#startAndLoad(index);
  }

  #start(index: number): void {
    const { threads, intraOpThreads, graphOptimization, spinning, providers } = this.#options;
    const background = index >= threads;
    const seat = this.#freeSeats.pop();
    if (seat === undefined) return this.#giveUp();
    const data: ThreadData = { seat, seats: 2 * this.#count, background, control: this.#control.buffer, intraOpThreads, graphOptimization, spinning, providers };
    // Flags of the process, such as --input-type, may be ones that a thread cannot start with.
    const options = { workerData: data, name: `inference-${index}`, execArgv: [] };
    const worker = new Worker(new URL('./inference-thread.ts', import.meta.url), options);
    const exited = new Promise<void>((resolve) => void worker.once('exit', () => resolve()));
    const thread: Thread = { worker, seat, background, loads: new Map(), told: new Map(), exited, recycled: false, abandoned: false };
    this.#threads[index] = thread;
    let cause: Error | undefined;
    worker.on('message', (report: ThreadReport) => this.#onReport(index, thread, report));
    worker.on('error', (error: Error) => {
      cause = error;
    });
    worker.once('exit', (code) => this.#onExit(index, thread, cause ?? new Error(`it exited with code ${code}`)));
    for (const slot of this.#slots.values()) this.#tell(index, slotCommand(slot));
  }

  /** Undefined: the thread is being replaced, and its successor loads all graphs. */
  #loadOn(index: number, graph: GraphToLoad): Promise<GraphReport | undefined> {
    const thread = this.#threads[index];
    if (this.#closing) return Promise.reject(closedError());
    if (thread === undefined) return Promise.resolve(undefined);
    const told = thread.told.get(graph.id);
    if (told !== undefined) return told;
    const load = (this.#nextLoad += 1);
    const loading = new Promise<GraphReport>((resolve, reject) => {
      thread.loads.set(load, { resolve, reject });
      this.#tell(index, { kind: 'load', load, graph });
    });
    thread.told.set(graph.id, loading);
    return loading;
  }

  #onReport(index: number, thread: Thread, report: ThreadReport): void {
    if (thread.abandoned) return;
    if (typeof report === 'number') return this.#finish(index, report)?.resolve(undefined);
    switch (report.kind) {
      case 'done':
        return this.#finish(index, report.slot)?.resolve(report.outputs);
      case 'failed':
        return this.#finish(index, report.slot)?.reject(inferenceError(report.reason, report.outOfMemory));
      case 'loaded':
        thread.loads.get(report.load)?.resolve(report.report);
        thread.loads.delete(report.load);
        return;
      case 'refused':
        thread.loads.get(report.load)?.reject(new Error(report.reason));
        thread.loads.delete(report.load);
    }
  }

  #finish(index: number, slot: number): Settle<CopiedOutputs | undefined> | undefined {
    this.#losses[index] = 0;
    this.#control.finish(slot);
    const settle = this.#running.get(slot);
    this.#running.delete(slot);
    return settle;
  }

  #onExit(index: number, thread: Thread, cause: unknown): void {
    this.#freeSeats.push(thread.seat);
    const claimed = this.#control.claimedBy(thread.seat);
    this.#control.vacate(thread.seat);
    if (thread.abandoned) return this.#cameBack(thread);
    this.#threads[index] = undefined;
    if (this.#closing) return;
    if (thread.recycled) return this.#replace(index, 0);
    this.#logger.error({ err: cause, thread: index }, 'an inference thread died; replacing it');
    const lost = new TandemError(`an inference thread died: ${messageOf(cause)}`, { code: 'engine_thread_lost', retryable: true, cause });
    for (const settle of thread.loads.values()) settle.reject(lost);
    const losses = this.#losses[index] ?? 0;
    for (const slot of claimed) this.#finish(index, slot)?.reject(lost);
    this.#losses[index] = losses + 1;
    this.#replace(index, losses);
  }

  /** What each thread runs now. */
  *#runs(): Iterable<ThreadRun> {
    for (const [index, thread] of this.#threads.entries()) {
      const slot = thread === undefined ? undefined : this.#control.claimedBy(thread.seat)[0];
      if (slot !== undefined) yield { thread: index, run: `${slot}/${this.#control.sequence(slot)}`, patience: thread?.background === true ? BACKGROUND_PATIENCE : 1 };
    }
  }

  #abandon(index: number): void {
    const thread = this.#threads[index];
    if (thread === undefined || this.#closing) return;
    const { threads, backgroundThreads, runTimeoutMs, onAbandoned, onExhausted } = this.#options;
    thread.abandoned = true;
    this.#threads[index] = undefined;
    this.#control.abandon(thread.seat);
    thread.worker.unref();
    this.#stuck.add(thread);
    this.#logger.error({ thread: index, runTimeoutMs, abandoned: this.#stuck.size }, 'an inference thread hangs; it is abandoned and replaced');
    onAbandoned(this.#stuck.size);
    this.#rejectHung(index, thread);
    this.#replace(index, 0);
    const alike = [...this.#stuck].filter(({ background }) => background === thread.background).length;
    if (alike < (thread.background ? backgroundThreads : threads) || this.#exhausted) return;
    this.#exhausted = true;
    this.#logger.fatal({ abandoned: this.#stuck.size }, 'as many inference threads hang as should run; this process has to be replaced');
    onExhausted();
  }

  #rejectHung(index: number, thread: Thread): void {
    const message = `no result within ${this.#options.runTimeoutMs} ms (runTimeoutMs)`;
    const hung = new TandemError(message, { code: 'thread_hung', retryable: true });
    for (const settle of thread.loads.values()) settle.reject(hung);
    for (const id of this.#control.claimedBy(thread.seat)) {
      const slot = this.#slots.get(id);
      if (slot !== undefined) slot.tainted = true;
      this.#finish(index, id)?.reject(hung);
    }
  }

  #cameBack(thread: Thread): void {
    this.#stuck.delete(thread);
    this.#logger.info({ abandoned: this.#stuck.size }, 'an abandoned inference thread came back and has ended');
    this.#options.onAbandoned(this.#stuck.size);
  }

  /** No place for another thread: the process is being replaced. Nobody shall wait for the last ones. */
  #giveUp(): void {
    if (this.#threads.some((thread) => thread !== undefined) || this.#replacements.size > 0) return;
    this.#closing = true;
    for (const settle of this.#running.values()) settle.reject(closedError());
    this.#running.clear();
  }

  /** At once the first time, then with growing pauses: a thread that cannot live must not burn the machine. */
  #replace(index: number, losses: number): void {
    const pauseMs = losses === 0 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** losses);
    const timer = setTimeout(() => {
      this.#replacements.delete(timer);
      this.#startAndLoad(index);
    }, pauseMs);
    this.#replacements.add(timer);
  }

  /** A new thread, with everything that the others have loaded. */
  #startAndLoad(index: number): void {
    this.#start(index);
    for (const graph of this.#graphs.values()) this.#reload(index, graph);
  }

  #reload(index: number, graph: GraphToLoad): void {
    this.#loadOn(index, graph).catch((error: unknown) => {
      if (!this.#closing) this.#logger.error({ err: error, file: graph.spec.file, thread: index }, 'a graph could not be loaded again');
    });
  }

  #tellAll(command: ThreadCommand): void {
    for (let index = 0; index < this.#count; index += 1) this.#tell(index, command);
  }

  #tell(index: number, command: ThreadCommand): void {
    const thread = this.#threads[index];
    if (thread === undefined) return;
    thread.worker.postMessage(command);
    this.#control.announceMessage(thread.seat);
  }
}

function slotCommand(slot: Slot): ThreadCommand {
  return { kind: 'slot', slot: slot.id, version: slot.version, buffer: slot.buffer };
}

function inferenceError(reason: string, outOfMemory: boolean): TandemError {
  return new TandemError(reason, outOfMemory ? { code: 'inference_out_of_memory', retryable: true } : { code: 'inference_failed' });
}

function closedError(): TandemError {
  return new TandemError('the engine is closed', { code: 'engine_closed' });
}

/** Never `terminate`: ONNX Runtime's binding aborts the whole process when its thread is torn down inside a call. */
async function endedWithin({ worker, exited }: Thread, graceMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), graceMs);
  const ended = await Promise.race([exited.then(() => true), late]);
  clearTimeout(timer);
  if (!ended) worker.unref();
  return ended;
}
