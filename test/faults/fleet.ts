import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startProcess, type ServerProcess } from '../support/processes.ts';
import { until } from '../support/until.ts';
import { STAGE_NAMES } from '@tandem/schemas';
import type { StageTarget } from './schedule.ts';

/** How long a supervisor waits before it starts again what has ended; doubled while that keeps ending early. */
const RESTART_MS = 500;
const LONGEST_RESTART_MS = 8_000;
const GOOD_RUN_MS = 20_000;
const START_TIMEOUT_MS = 300_000;
const THIS_CHECKOUT = join(import.meta.dirname, '../..');

export interface FleetOptions {
  /** Flags of `tandem stage …`, without the stage's own. */
  flags: (stage: StageTarget) => readonly string[];
  /** Stages that run in one process; the last of them stands for all. Empty: each in its own. */
  chain: readonly StageTarget[];
  /** Of each stage. */
  instances: number;
  /** Another checkout, with its dependencies installed; the first instance of each stage runs from there. */
  oldCheckout?: string | undefined;
  /** Flags that the other checkout does not know. */
  newFlags?: readonly string[];
  logFolder: string;
  onStarted: (server: ServerProcess) => void;
}

/** A process that ended while it ran, though nobody had ended it. (One that cannot start yet gives up and is started again.) */
export interface Crash {
  instance: string;
  at: number;
  output: string;
}

/** One stage as a process of its own, kept running. */
export class Instance {
  readonly name: string;
  readonly stage: StageTarget;
  readonly #launch: (logFile: string) => ServerProcess;
  readonly #onCrash: (crash: Crash) => void;
  readonly #logFile: string;
  #process: ServerProcess | undefined;
  #keepRunning = true;
  /** It is to end: that is no crash. */
  #ending = false;

  constructor(name: string, stage: StageTarget, logFolder: string, launch: (logFile: string) => ServerProcess, onCrash: (crash: Crash) => void) {
    this.name = name;
    this.stage = stage;
    this.#launch = launch;
    this.#onCrash = onCrash;
    this.#logFile = join(logFolder, `${name}.log`);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Where its /metrics are: as it logged when it came up last. */
  get statusPort(): number | undefined {
    const ports = [...this.#log().matchAll(/"statusPort":(\d+)/g)];
    return ports.length === 0 ? undefined : Number(ports.at(-1)![1]);
  }

  /** Starts it and keeps it running; resolves when it says that it runs. */
  async start(): Promise<void> {
    const running = this.runningAgain();
    void this.#supervise();
    await running;
  }

  /** Resolves when a process of it that is started from now on says that it runs. */
  async runningAgain(): Promise<void> {
    const before = this.#timesUp();
    const what = () => `${this.name} to run: ${this.#log().slice(-2_000)}`;
    await until(() => this.#timesUp() > before, { timeoutMs: START_TIMEOUT_MS, everyMs: 250, what });
  }

  /** The process may end by this; it is started again. */
  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL' || signal === 'SIGTERM') this.#ending = true;
    this.#process?.signal(signal);
  }

  /** Asks it to end, and does not start it again. */
  async stop(): Promise<void> {
    this.#keepRunning = false;
    this.#ending = true;
    this.#process?.signal('SIGCONT');
    await this.#process?.stop();
  }

  async #supervise(): Promise<void> {
    for (let pauseMs = RESTART_MS; this.#keepRunning; ) {
      const startedAt = Date.now();
      const before = this.#timesUp();
      this.#ending = false;
      this.#process = this.#launch(this.#logFile);
      await this.#process.exited;
      if (!this.#ending && this.#timesUp() > before) this.#onCrash({ instance: this.name, at: Date.now(), output: this.#process.output() });
      pauseMs = Date.now() - startedAt > GOOD_RUN_MS || this.#ending ? RESTART_MS : Math.min(2 * pauseMs, LONGEST_RESTART_MS);
      if (this.#keepRunning) await delay(pauseMs);
    }
  }

  #timesUp(): number {
    return this.#log().split('"statusPort":').length - 1;
  }

  #log(): string {
    try {
      return readFileSync(this.#logFile, 'utf8');
    } catch {
      return '';
    }
  }
}

/** All stages as separate processes under one supervisor. */
export class Fleet implements AsyncDisposable {
  readonly crashes: Crash[] = [];
  readonly #options: FleetOptions;
  readonly #instances: Instance[] = [];
  #extra = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    const chained = options.chain.slice(0, -1);
    for (const stage of STAGE_NAMES.filter((name) => !chained.includes(name)).toReversed()) {
      for (let index = 1; index <= options.instances; index += 1) {
        this.#instances.push(this.#create(`${stage}-${index}`, stage, index === 1 && options.oldCheckout !== undefined));
      }
    }
  }

  get all(): readonly Instance[] {
    return this.#instances;
  }

  of(stage: StageTarget): readonly Instance[] {
    return this.#instances.filter((instance) => instance.stage === stage);
  }

  async start(): Promise<void> {
    await Promise.all(this.#instances.map((instance) => instance.start()));
  }

  /** One more instance; the caller stops it. */
  add(stage: StageTarget): Instance {
    this.#extra += 1;
    const instance = this.#create(`${stage}-extra-${this.#extra}`, stage, false);
    this.#instances.push(instance);
    return instance;
  }

  async remove(instance: Instance): Promise<void> {
    await instance.stop();
    this.#instances.splice(this.#instances.indexOf(instance), 1);
  }

  /** Ends all in an orderly way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#instances.map((instance) => instance.stop()));
  }

  #create(name: string, stage: StageTarget, old: boolean): Instance {
    const { oldCheckout, flags, newFlags = [], chain, logFolder, onStarted } = this.#options;
    const runs = chain.includes(stage) ? chain.join('+') : stage;
    const entry = join(old ? oldCheckout! : THIS_CHECKOUT, 'services/cli/tandem.ts');
    const args = [entry, 'stage', runs, ...flags(stage), ...(old ? [] : newFlags), '--instance', name, '--http-port', '0'];
    const launch = (logFile: string) => {
      const server = startProcess(process.execPath, args, logFile);
      onStarted(server);
      return server;
    };
    return new Instance(old ? `${name}-old` : name, stage, logFolder, launch, (crash) => this.crashes.push(crash));
  }
}
