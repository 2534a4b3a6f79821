import { randomUUID } from 'node:crypto';
import { topicName, type SuspectsNotice } from '@tandem/schemas';
import { readSuspectsNotice } from '@tandem/shared/core';
import type { EventLog } from '@tandem/shared/log';
import type { StageContext } from '@tandem/shared/runner';
import type { RunCounts, Suspicion } from './run-counts.ts';

/** Notices of processes that died longer ago than this are not looked for. */
const LOOK_BACK_MS = 3_600_000;

export interface LoggedRunCountsOptions {
  log: Pick<EventLog, 'now' | 'read' | 'admin'>;
  prefix: string;
  instance: string;
}

/**
 * Runs counted in the log itself, where there is no cache that outlives the process, or while it is away. Before a suspect runs, the process writes down on topic
 * `telemetry` which suspects it runs, and which run of each it is: one record for a batch. The next batch's record replaces it, and a tombstone
 * when none run. So what stands there under the name of a process that has died is what it died with.
 */
export class LoggedRunCounts implements RunCounts {
  readonly #options: LoggedRunCountsOptions;
  readonly #topic: string;
  /** Of this process alone: one that is started again under its name must not overwrite what its predecessor died with. */
  readonly #key: string;
  /** What runs here, by key: which run it is. */
  readonly #running = new Map<string, number>();
  readonly #counted = new Map<string, number>();
  #context: StageContext | undefined;
  /** Undefined: not since the last assignment. */
  #loaded: Promise<void> | undefined;

  constructor(options: LoggedRunCountsOptions) {
    this.#options = options;
    this.#topic = topicName(options.prefix, 'telemetry');
    this.#key = `suspects/${options.instance}/${randomUUID()}`;
  }

  start(context: StageContext): void {
    this.#context = context;
  }

  refresh(): void {
    this.#loaded = undefined;
  }

  async of(key: string): Promise<number> {
    await this.#current();
    return this.#counted.get(key) ?? 0;
  }

  async begin(suspicions: readonly Suspicion[]): Promise<void> {
    for (const { key, attempt } of suspicions) this.#running.set(key, attempt);
    await this.#tell();
  }

  async end(suspicions: readonly Suspicion[]): Promise<void> {
    const wasRunning = this.#running.size > 0;
    for (const { key } of suspicions) {
      this.#running.delete(key);
      this.#counted.delete(key);
    }
    // What has ended stands there until the next batch begins: a record for each end would be as many again.
    if (wasRunning && this.#running.size === 0) await this.#tell();
  }

  /** Read when somebody asks for the first time: who can count elsewhere never does. */
  #current(): Promise<void> {
    if (this.#loaded !== undefined) return this.#loaded;
    const loaded = this.#load();
    this.#loaded = loaded;
    loaded.catch(() => {
      if (this.#loaded === loaded) this.#loaded = undefined;
    });
    return loaded;
  }

  async #tell(): Promise<void> {
    const notice: SuspectsNotice = { kind: 'suspects', instance: this.#options.instance, runs: Object.fromEntries(this.#running) };
    const value = this.#running.size === 0 ? null : JSON.stringify(notice);
    await this.#context?.publish([{ topic: this.#topic, key: this.#key, value }]);
  }

  async #load(): Promise<void> {
    const { log } = this.#options;
    const newest = new Map<string, SuspectsNotice | undefined>();
    for (const { partition } of await log.admin.offsets(this.#topic)) {
      for await (const records of log.read({ topic: this.#topic, partition, from: { timestamp: Math.max(0, log.now() - LOOK_BACK_MS) } })) {
        for (const { key, value } of records) if (key?.startsWith('suspects/') === true) newest.set(key, value === null ? undefined : readSuspectsNotice(value));
      }
    }
    newest.delete(this.#key);
    for (const notice of newest.values()) {
      for (const [key, attempt] of Object.entries(notice?.runs ?? {})) this.#counted.set(key, Math.max(attempt, this.#counted.get(key) ?? 0));
    }
  }
}
