import { topicName, type Heartbeat, type VariantLoad } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import { readHeartbeat, StartTimes, type LoadSample, type ScalingDecision, type ScalingRules } from '@tandem/shared/core';
import type { LogRecord, Tail } from '@tandem/shared/log';
import type { Ports } from './ports.ts';
import type { ProcessGroup, ProcessSpec } from './process-group.ts';
import { ScalingWatch, scalingRules } from './scaling-watch.ts';
import { StandbyBeats } from './standby-beats.ts';

export interface SupervisorOptions {
  settings: Settings;
  ports: Pick<Ports, 'log' | 'producer' | 'clock' | 'logger' | 'probe'>;
  group: Pick<ProcessGroup, 'add' | 'remove'>;
  bounds: Pick<ScalingRules, 'min' | 'max'>;
  /**
   * @param slot from 0
   * @param ordinal of the process, from 1, which none before it had: what an operator did to that one is not done to this
   */
  specOf: (slot: number, ordinal: number) => ProcessSpec;
}

interface Worker {
  slot: number;
  name: string;
  launchedAt: number;
  /** Its name in the telemetry, also when it is started again. */
  instance: string;
  serves: boolean;
}

/**
 * Keeps as many worker processes as the load wants. One that goes is asked to: it finishes what it has and hands its partitions over,
 * so nothing is lost. Where there is none, it speaks for them: schedulers go on giving out work, which wakes one up.
 */
export class WorkerSupervisor {
  readonly #options: SupervisorOptions;
  readonly #watch: ScalingWatch;
  readonly #standby: StandbyBeats;
  readonly #workers: Worker[] = [];
  /** Of names whose process still ends. */
  readonly #ending = new Set<string>();
  #added = 0;
  readonly #starts = new StartTimes();
  /** As workers last told it, for the time when there is none. */
  #known: Pick<Heartbeat, 'variants' | 'sessions'> = { variants: [] };
  #tail: Tail | undefined;

  /** @throws {TandemError} `settings_invalid` */
  constructor(options: SupervisorOptions) {
    this.#options = options;
    const { settings, ports: { clock }, bounds } = options;
    this.#watch = new ScalingWatch({ clock, rules: scalingRules(settings, bounds), onDecision: (decision, sample) => this.#decided(decision, sample), startMs: () => this.#starts.expectedMs });
    this.#standby = new StandbyBeats(settings, options.ports);
  }

  async start(): Promise<void> {
    const { ports: { log, logger }, settings: { prefix } } = this.#options;
    this.#tail = await log.tail({
      topic: topicName(prefix, 'telemetry'),
      onRecord: (record) => this.#heard(record),
      onFault: (error) => logger.warn({ err: error }, 'reading telemetry failed; trying again'),
    });
    await this.#tail.caughtUp;
    this.#keep(this.#watch.workers);
    this.#watch.start();
  }

  /** The processes themselves are the group's to stop. */
  async stop(): Promise<void> {
    this.#watch.stop();
    await this.#standby.stop();
    await this.#tail?.close();
  }

  /** By whoever launches processes. */
  launched(name: string): void {
    const worker = this.#workers.find((one) => one.name === name);
    if (worker !== undefined) Object.assign(worker, { serves: false, launchedAt: this.#options.ports.clock.now() });
  }

  #heard(record: LogRecord): void {
    this.#watch.heard(record);
    const heartbeat = record.value === null ? undefined : readHeartbeat(record.value);
    if (heartbeat === undefined || heartbeat.asleep === true || heartbeat.variants.length === 0) return;
    this.#known = heartbeat;
    // One from before it was started again says nothing of this one.
    const worker = this.#workers.find(({ instance, launchedAt }) => instance === heartbeat.instance && launchedAt <= heartbeat.time);
    if (worker === undefined) return;
    if (!worker.serves) this.#serves(worker);
  }

  #serves(worker: Worker): void {
    const { ports: { clock, logger } } = this.#options;
    const tookMs = clock.now() - worker.launchedAt;
    worker.serves = true;
    this.#starts.add(tookMs);
    logger.info({ process: worker.name, tookMs: Math.round(tookMs) }, 'a worker serves');
    void this.#standby.stop();
  }

  #decided({ workers, reason }: ScalingDecision, { workers: serving }: LoadSample): void {
    if (workers !== this.#workers.length) this.#options.ports.logger.info({ from: this.#workers.length, to: workers, serving, reason }, 'scaling workers');
    this.#keep(workers);
  }

  #keep(count: number): void {
    while (this.#workers.length < count) this.#add();
    while (this.#workers.length > count) this.#remove();
    if (count === 0) this.#standby.start({ ...this.#known, variants: asleep(this.#known.variants, this.#starts.expectedMs) });
  }

  #add(): void {
    const { group, specOf, ports: { clock } } = this.#options;
    this.#added += 1;
    const specAt = (slot: number) => specOf(slot, this.#added);
    const taken = (slot: number) => this.#workers.some((worker) => worker.slot === slot) || this.#ending.has(specAt(slot).name);
    let slot = 0;
    while (taken(slot)) slot += 1;
    const spec = specAt(slot);
    this.#workers.push({ slot, name: spec.name, launchedAt: clock.now(), instance: spec.instance, serves: false });
    group.add(spec);
  }

  /** The youngest: the others have the warmer caches. */
  #remove(): void {
    const worker = this.#workers.pop();
    if (worker === undefined) return;
    const { group, ports: { logger } } = this.#options;
    this.#ending.add(worker.name);
    group.remove(worker.name).then(
      () => logger.info({ process: worker.name }, 'a worker has handed over and ended'),
      (error: unknown) => logger.warn({ err: error, process: worker.name }, 'a worker could not be ended'),
    ).finally(() => this.#ending.delete(worker.name));
  }
}

/** Nothing waits where nobody is, and all of it has to be loaded first. */
function asleep(variants: readonly VariantLoad[], startMs: number): VariantLoad[] {
  return variants.map(({ refused: _refused, ...load }) => ({ ...load, breaker: 'closed', queued: 0, running: 0, bulkQueued: 0, bulkBacklog: 0, unread: 0, unloaded: { reloadMs: Math.round(startMs) } }));
}
