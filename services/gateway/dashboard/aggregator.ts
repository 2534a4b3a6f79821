import { topicName, type TopicKind, type Workload } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import { followControl, type ControlState } from '@tandem/shared/control';
import { ReportBook, summaryOf, type ExperimentSummary } from '@tandem/shared/core';
import { messageOf } from '@tandem/shared/errors';
import type { EventLog, LogRecord, Tail } from '@tandem/shared/log';
import type { Logger } from '@tandem/shared/telemetry';
import type { History, LaneStatus, Snapshot } from './snapshot.ts';
import { answerFigures, costFigures, queueOf, sharesOf } from './watch/answer-figures.ts';
import { AuditWatch } from './watch/audit-watch.ts';
import { HistoryRing } from './watch/history-ring.ts';
import { LetterWatch } from './watch/letter-watch.ts';
import { KEPT_SECONDS, ResponseWatch } from './watch/response-watch.ts';
import { TopicWatch } from './watch/topic-watch.ts';
import { WorkerWatch, type ServedVersions } from './watch/worker-watch.ts';

/** Between two snapshots. */
export const INTERVAL_MS = 1_000;
/** Figures that jump every second cannot be read. */
const SHOWN_SECONDS = 10;
const OPEN_RETRY_MS = 2_000;
/** A log that does not answer by then is said to be away. */
const PATIENCE_MS = 5_000;
const EXPERIMENTS = 12;

export interface AggregatorOptions {
  log: EventLog;
  prefix: string;
  clock: Clock;
  logger: Logger;
  workloads: readonly Workload[];
  /** Once a second. */
  onSnapshot: (snapshot: Snapshot, newest: History) => void;
}

/**
 * What the dashboard shows, from what is in the log already: heartbeats, answers, dead letters, groups and offsets. It knows no
 * stage, and no stage knows it. Its memory and its sendings are bounded; of answers it parses a bounded number per second.
 */
export class Aggregator {
  readonly #options: AggregatorOptions;
  readonly #workers = new WorkerWatch();
  readonly #responses: ResponseWatch;
  readonly #letters = new LetterWatch();
  readonly #audit = new AuditWatch();
  readonly #reports = new ReportBook();
  readonly #history = new HistoryRing();
  readonly #topics: TopicWatch;
  readonly #large: ReadonlySet<string>;
  readonly #keepsResults: boolean;
  readonly #tails: Pick<Tail, 'close'>[] = [];
  #control: ControlState | undefined;
  #error: string | undefined;
  #asking: { since: number } | undefined;
  #stopped = false;
  #cancel: () => void = () => undefined;
  #cancelOpening: () => void = () => undefined;

  constructor(options: AggregatorOptions) {
    const { log, prefix, workloads } = options;
    this.#options = options;
    this.#responses = new ResponseWatch(prefix);
    this.#topics = new TopicWatch(log.admin, prefix);
    this.#large = new Set(workloads.flatMap(({ plans }) => Object.values(plans).flatMap(({ steps }) => steps.filter(({ role }) => role === 'fine').map(({ model }) => model))));
    this.#keepsResults = workloads.some(({ freshness }) => freshness !== 'off');
  }

  /** Nobody waits for the log: until it answers, the page says that it does not. */
  start(): void {
    void this.#open();
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    this.#cancelOpening();
    await Promise.all(this.#tails.splice(0).map((tail) => tail.close()));
  }

  get control(): ControlState | undefined {
    return this.#control;
  }

  /** Versions by variant. */
  served(): Map<string, ServedVersions> {
    return this.#workers.served(this.#options.clock.now());
  }

  /** The past that the charts show. */
  get history(): History {
    return this.#history.history();
  }

  /** Undefined: so long as it is not known what the operators want, nothing is. */
  snapshot(): Snapshot | undefined {
    const { log, clock } = this.#options;
    const control = this.#control;
    if (control === undefined) return undefined;
    const now = clock.now();
    const shown = this.#responses.past(SHOWN_SECONDS);
    const shares = sharesOf(shown);
    return {
      time: now,
      log: { description: log.description, durable: log.durable, ...(this.#error === undefined ? {} : { error: this.#error }) },
      stages: this.#topics.stages,
      topics: this.#topics.topics,
      workers: this.#workers.workers(now, control),
      variants: this.#workers.variants(now).map((variant) => ({ ...variant, queueMs: queueOf(shown, variant.name), share: shares.get(variant.name) ?? 0 })),
      answers: answerFigures(shown, this.#keepsResults),
      quality: this.#responses.quality.figures,
      cost: costFigures(this.#responses.past(KEPT_SECONDS), this.#large),
      deadLetters: this.#letters.figures,
      lanes: this.#lanes(control),
      experiments: this.#experiments(control),
      recent: [...this.#responses.recent],
      audit: this.#audit.lines,
    };
  }

  get error(): string | undefined {
    return this.#error;
  }

  #lanes({ laneHolds }: ControlState): LaneStatus[] {
    return (['interactive', 'bulk'] as const).map((lane) => {
      const topic = lane === 'bulk' ? 'requests.bulk' : 'requests';
      const hold = laneHolds.find((held) => held.lane === lane);
      return { lane, perSecond: this.#topics.paceOf(topic), waiting: this.#topics.waiting(topic), paused: hold === undefined ? null : { by: hold.by, time: hold.time } };
    });
  }

  /** Those that go on before those that have ended, the newest first. */
  #experiments({ experiments }: ControlState): ExperimentSummary[] {
    const rank = ({ state }: { state: string }) => (state === 'running' ? 0 : state === 'stopped' ? 2 : 1);
    const shown = experiments.sort((a, b) => rank(a) - rank(b) || b.time - a.time).slice(0, EXPERIMENTS);
    return shown.map((experiment) => summaryOf(experiment, this.#reports.countsOf(experiment)));
  }

  #schedule(): void {
    const { clock } = this.#options;
    this.#cancel = clock.schedule(clock.now() + INTERVAL_MS, () => {
      this.#tick();
      if (!this.#stopped) this.#schedule();
    });
  }

  #tick(): void {
    const { clock, onSnapshot } = this.#options;
    this.#responses.tick();
    this.#letters.tick();
    const [second] = this.#responses.past(1);
    if (second !== undefined) this.#history.add(clock.now(), second);
    void this.#ask();
    const snapshot = this.snapshot();
    if (snapshot !== undefined) onSnapshot(snapshot, this.#history.history(1));
  }

  /** One at a time: a slow log is asked less often, and one that does not answer is said to be away. */
  async #ask(): Promise<void> {
    const { clock } = this.#options;
    if (this.#asking !== undefined) {
      if (clock.now() - this.#asking.since > PATIENCE_MS) this.#error ??= 'it does not answer';
      return;
    }
    this.#asking = { since: clock.now() };
    try {
      await this.#topics.update(clock.now());
      if (this.#tails.length > 0) this.#error = undefined;
    } catch (error) {
      this.#error = messageOf(error);
    } finally {
      this.#asking = undefined;
    }
  }

  async #open(): Promise<void> {
    const { clock, logger } = this.#options;
    const opened: Pick<Tail, 'close'>[] = [];
    try {
      await this.#follow(opened);
      this.#tails.push(...opened);
      if (this.#stopped) await this.stop();
    } catch (error) {
      // What is open already would count everything twice.
      await Promise.all(opened.map((tail) => tail.close()));
      if (this.#stopped) return;
      this.#error = messageOf(error);
      logger.warn({ error: messageOf(error) }, 'the dashboard cannot read the log; trying again');
      this.#cancelOpening = clock.schedule(clock.now() + OPEN_RETRY_MS, () => void this.#open());
    }
  }

  async #follow(opened: Pick<Tail, 'close'>[]): Promise<void> {
    const { log, clock, prefix, logger } = this.#options;
    opened.push(await this.#tail('telemetry', 'earliest', (record) => {
      this.#workers.record(record, clock.now(), this.#ageOf(record));
      this.#reports.heard(record.key, record.value);
    }));
    opened.push(await this.#tail('responses', 'latest', (record) => this.#responses.record(record)));
    opened.push(await this.#tail('interactions', 'latest', (record) => this.#responses.record(record)));
    opened.push(await this.#tail('dead-letters', 'latest', (record) => this.#letters.record(record)));
    opened.push(await this.#tail('audit', 'earliest', (record) => this.#audit.record(record)));
    const control = await followControl({ log, prefix, logger, onChange: () => undefined });
    opened.push(control);
    this.#control = control.state;
  }

  #tail(kind: TopicKind, startFrom: 'earliest' | 'latest', onRecord: (record: LogRecord) => void): Promise<Tail> {
    const { log, prefix } = this.#options;
    return log.tail({ topic: topicName(prefix, kind), startFrom, onRecord, onFault: (error) => (this.#error = messageOf(error)) });
  }

  /** A worker that ended long ago is told by the age of its last heartbeat. Small differences of clocks say nothing. */
  #ageOf({ timestamp }: LogRecord): number {
    const age = this.#options.log.now() - timestamp;
    return age > KEPT_SECONDS * 1_000 ? age : 0;
  }
}
