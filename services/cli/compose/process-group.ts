import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Logger } from '@tandem/shared/telemetry';

export interface ProcessSpec {
  name: string;
  /** Of the command line, which everybody on the machine can read. */
  args: readonly string[];
  /** Added to this process's environment. */
  environment?: Readonly<Record<string, string>>;
}

export interface ProcessGroupOptions {
  logger: Logger;
  /** After SIGTERM a process has this long before SIGKILL. */
  stopTimeoutMs: number;
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
  readonly #restarts = new Set<NodeJS.Timeout>();
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
    for (const timer of this.#restarts) clearTimeout(timer);
    await Promise.all([...this.#running.values()].map((child) => this.#end(child)));
  }

  #launch(spec: ProcessSpec, pauseMs: number): void {
    const startedAt = Date.now();
    const child = spawn(process.execPath, [...heapBound(), ENTRY, ...spec.args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...spec.environment },
    });
    this.#running.set(spec.name, child);
    this.#options.logger.info({ process: spec.name, pid: child.pid }, 'started');
    child.once('exit', (code, signal) => {
      this.#running.delete(spec.name);
      if (this.#stopping) return;
      this.#options.logger.warn({ process: spec.name, code, signal, pauseMs }, 'ended; starting it again');
      const next = Date.now() - startedAt > GOOD_RUN_MS ? FIRST_PAUSE_MS : Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
      const timer = setTimeout(() => {
        this.#restarts.delete(timer);
        this.#launch(spec, next);
      }, pauseMs);
      this.#restarts.add(timer);
    });
  }

  async #end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), this.#options.stopTimeoutMs);
    await exited;
    clearTimeout(timer);
  }
}
