import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Logger } from '@tandem/shared/telemetry';

export interface ProcessSpec {
  name: string;
  /** Its name in telemetry and consumer groups, which it keeps when it is started again: no other process may have it. */
  instance: string;
  /** Of the command line, which everybody on the machine can read. */
  args: readonly string[];
  /** Added to this process's environment. */
  environment?: Readonly<Record<string, string>>;
}

export interface ProcessGroupOptions {
  logger: Logger;
  /** After SIGTERM a process has this long before SIGKILL. */
  stopTimeoutMs: number;
  /** A process has been launched, for the first time or again. */
  onLaunched?: (name: string) => void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** A process that ran this long starts again without having to wait longer than the first time. */
const GOOD_RUN_MS = 60_000;
const ENTRY = join(import.meta.dirname, '..', 'tandem.ts');

/**
 * Without a bound V8 lets a busy process' heap grow to a large part of the machine before it collects it. Live data of a stage under a
 * backlog is below 200 MB (docs/reliability.md).
 */
function heapBound(): string[] {
  return process.env['NODE_OPTIONS']?.includes('max-old-space-size') === true ? [] : ['--max-old-space-size=512'];
}

/** Processes of this command line, kept running: one that ends is started again, after a growing pause. */
export class ProcessGroup {
  readonly #specs: readonly ProcessSpec[];
  readonly #options: ProcessGroupOptions;
  readonly #running = new Map<string, ChildProcess>();
  readonly #restarts = new Map<string, NodeJS.Timeout>();
  /** They are not started again. */
  readonly #removed = new Set<string>();
  /** Who is told twice to end does so at once. */
  readonly #ends = new Map<ChildProcess, Promise<void>>();
  #stopping = false;

  constructor(specs: readonly ProcessSpec[], options: ProcessGroupOptions) {
    this.#specs = specs;
    this.#options = options;
  }

  start(): void {
    for (const spec of this.#specs) this.#launch(spec, FIRST_PAUSE_MS);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#restarts.values()) clearTimeout(timer);
    await Promise.all([...this.#running.values()].map((child) => this.#end(child)));
  }

  /** One more, of a name that no other has. */
  add(spec: ProcessSpec): void {
    this.#removed.delete(spec.name);
    if (!this.#stopping) this.#launch(spec, FIRST_PAUSE_MS);
  }

  /** Ends it as `stop` does; resolves when it has ended. */
  async remove(name: string): Promise<void> {
    this.#removed.add(name);
    clearTimeout(this.#restarts.get(name));
    this.#restarts.delete(name);
    const child = this.#running.get(name);
    if (child !== undefined) await this.#end(child);
  }

  #launch(spec: ProcessSpec, pauseMs: number): void {
    const startedAt = Date.now();
    const child = spawn(process.execPath, [...heapBound(), ENTRY, ...spec.args, '--instance', spec.instance], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...spec.environment },
    });
    this.#running.set(spec.name, child);
    this.#options.logger.info({ process: spec.name, pid: child.pid }, 'started');
    this.#options.onLaunched?.(spec.name);
    child.once('exit', (code, signal) => {
      this.#ends.delete(child);
      this.#running.delete(spec.name);
      if (this.#stopping || this.#removed.has(spec.name)) return;
      this.#options.logger.warn({ process: spec.name, code, signal, pauseMs }, 'ended; starting it again');
      const next = Date.now() - startedAt > GOOD_RUN_MS ? FIRST_PAUSE_MS : Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
      const timer = setTimeout(() => {
        this.#restarts.delete(spec.name);
        this.#launch(spec, next);
      }, pauseMs);
      this.#restarts.set(spec.name, timer);
    });
  }

  #end(child: ChildProcess): Promise<void> {
    const ending = this.#ends.get(child) ?? this.#terminate(child);
    this.#ends.set(child, ending);
    return ending;
  }

  async #terminate(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), this.#options.stopTimeoutMs);
    await exited;
    clearTimeout(timer);
  }
}
