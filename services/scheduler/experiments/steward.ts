import { topicName, type ExperimentControl } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import { experimentRecords, SCHEDULER, type ExperimentDeed } from '@tandem/shared/control';
import { actionFor, applied, ReportBook, type CountsByArm, type ExperimentAction, type ExperimentBook } from '@tandem/shared/core';
import type { LogRecord } from '@tandem/shared/log';
import type { StageOutput } from '@tandem/shared/runner';
import type { Logger } from '@tandem/shared/telemetry';

const INTERVAL_MS = 1_000;
/** Of a guard rail's window, whatever its length. */
const SAMPLES = 60;
/** What was written is read again by then; else it is written again. */
const PATIENCE_MS = 10_000;
/** Workers are heard of twice a second. Whoever has heard nothing for so long may have been suspended, and much may have been decided since. */
const GAP_MS = 5_000;
/** By then it has heard what, and whether it is in charge still. */
const SETTLING_MS = 5_000;
const DEEDS: Readonly<Record<ExperimentAction['kind'], ExperimentDeed>> = { promote: 'promote', roll_back: 'rollback', end: 'end' };

export interface ExperimentStewardOptions {
  prefix: string;
  experiments: ExperimentBook;
  clock: Clock;
  logger: Pick<Logger, 'info' | 'warn'>;
  /** Resolves when durable. */
  publish: (outputs: readonly StageOutput[]) => Promise<void>;
  onAction?: (experiment: string, action: ExperimentAction) => void;
}

interface Sample {
  at: number;
  counts: CountsByArm;
}

/** What is known of one start of an experiment. */
interface Watched {
  startedAt: number;
  /** Oldest first; the first one is where the window begins. */
  samples: Sample[];
  /** Since when a change of it is on its way. */
  actedAt: number | undefined;
  actedOn: number;
}

/**
 * Holds running experiments against their guard rails and their goal, once a second at most, and does what follows: takes an arm back, promotes one,
 * ends it. One scheduler does so, whoever has partition 0 of the tasks: the group decides that without a further election, and where two
 * think so for a moment, both write the same. What a scheduler that was suspended writes when it wakes counts for nothing (see `ControlState`); compaction
 * would keep it all the same, so whoever is in charge writes again what counts.
 */
export class ExperimentSteward {
  readonly #options: ExperimentStewardOptions;
  readonly #reports = new ReportBook();
  readonly #watched = new Map<string, Watched>();
  #isInCharge = false;
  #hasBegun = false;
  #lookedAt = -Infinity;
  #actsFrom = -Infinity;
  /** By key: when it was written again. */
  readonly #restoredAt = new Map<string, number>();

  constructor(options: ExperimentStewardOptions) {
    this.#options = options;
  }

  /** Everything that the topic held has been heard. A window that began before would begin with no counts, and so hold all answers of the experiment. */
  begin(): void {
    this.#hasBegun = true;
  }

  /** A record of topic `telemetry`: counts, or a heartbeat. Those are what there is news of, so it has no timer of its own. */
  heard({ key, value }: Pick<LogRecord, 'key' | 'value'>): void {
    const now = this.#options.clock.now();
    this.#reports.heard(key, value);
    if (!this.#hasBegun || now - this.#lookedAt < INTERVAL_MS) return;
    if (now - this.#lookedAt > GAP_MS && this.#lookedAt > 0) this.#actsFrom = now + SETTLING_MS;
    this.#lookedAt = now;
    this.#look();
    this.#restore(now);
  }

  set inCharge(isInCharge: boolean) {
    this.#isInCharge = isInCharge;
  }

  /** Also whoever is not in charge samples: it may be so the next moment. */
  #look(): void {
    const { experiments, clock } = this.#options;
    const now = clock.now();
    const running = experiments.all.filter(({ state }) => state === 'running');
    for (const name of this.#watched.keys()) if (!running.some(({ definition }) => definition.name === name)) this.#watched.delete(name);
    for (const control of running) this.#lookAt(control, now);
  }

  #lookAt(control: ExperimentControl, now: number): void {
    const watched = this.#watch(control);
    const counts = this.#reports.countsOf(control);
    const action = actionFor(control, counts, this.#windowAgo(watched, control, counts, now));
    if (action === undefined || !this.#mayAct(now)) return;
    const isOnItsWay = watched.actedOn === control.revision && watched.actedAt !== undefined && now - watched.actedAt < PATIENCE_MS;
    if (!isOnItsWay) void this.#act(control, watched, action, now);
  }

  #mayAct(now: number): boolean {
    return this.#isInCharge && now >= this.#actsFrom;
  }

  /** What counts goes behind what was written late. */
  #restore(now: number): void {
    const { experiments, prefix, publish, logger } = this.#options;
    const { overwritten } = experiments;
    for (const key of this.#restoredAt.keys()) if (!overwritten.some((one) => one.key === key)) this.#restoredAt.delete(key);
    if (!this.#mayAct(now)) return;
    for (const { key, control } of overwritten) {
      if (now - (this.#restoredAt.get(key) ?? -Infinity) < PATIENCE_MS) continue;
      this.#restoredAt.set(key, now);
      logger.warn({ key, revision: control?.revision }, 'an old record came late; what counts is written again');
      publish([{ topic: topicName(prefix, 'control'), key, value: control === undefined ? null : JSON.stringify(control) }]).catch((err: unknown) => {
        this.#restoredAt.delete(key);
        logger.warn({ err, key }, 'it could not be written; trying again');
      });
    }
  }

  #watch({ definition: { name }, startedAt }: ExperimentControl): Watched {
    const known = this.#watched.get(name);
    if (known?.startedAt === startedAt) return known;
    const watched = { startedAt, samples: [], actedAt: undefined, actedOn: 0 };
    this.#watched.set(name, watched);
    return watched;
  }

  /** The counts as they were when the guard rails' window began. */
  #windowAgo({ samples }: Watched, { definition: { guards } }: ExperimentControl, counts: CountsByArm, now: number): CountsByArm {
    const windowMs = guards.windowSeconds * 1_000;
    const last = samples.at(-1);
    if (last === undefined || now - last.at >= windowMs / SAMPLES) samples.push({ at: now, counts });
    while (samples.length > 1 && now - samples[1]!.at >= windowMs) samples.shift();
    return samples[0]!.counts;
  }

  async #act(control: ExperimentControl, watched: Watched, action: ExperimentAction, now: number): Promise<void> {
    const { prefix, publish, logger, onAction } = this.#options;
    const { name } = control.definition;
    watched.actedAt = now;
    watched.actedOn = control.revision;
    const time = Math.round(now);
    try {
      await publish(experimentRecords(applied(control, action, { by: SCHEDULER, time }), { prefix, actor: SCHEDULER, deed: DEEDS[action.kind], time }));
      onAction?.(name, action);
      logger.info({ experiment: name, ...action }, `experiment ${name}: ${action.kind}`);
    } catch (err) {
      watched.actedAt = undefined;
      logger.warn({ err, experiment: name }, `experiment ${name}: ${action.kind} could not be written; trying again`);
    }
  }
}
