import {
  CANCELLED, topicName, type Cancellation, type Outcome, type RedispatchOutcome, type StepEnd, type StepEnds, type StepOutcome, type Task, type TaskRecord, type Variant,
} from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import {
  Cluster, decideInExperiment, endsSoFar, ExperimentBook, nextStep, readySteps, RecentKeys, TOO_MUCH, type CameTrue, type ClusterState, type Decision, type ExperimentAction, type Policy, type RuledDecision,
} from '@tandem/shared/core';
import { messageOf } from '@tandem/shared/errors';
import type { EventLog, LogRecord, Tail, TopicPartition } from '@tandem/shared/log';
import type { ResourceProbe } from '@tandem/shared/probe';
import { readRecord, type Stage, type StageContext, type StageOutput } from '@tandem/shared/runner';
import type { Logger } from '@tandem/shared/telemetry';
import { ShadowCopies } from './experiments/shadow-copies.ts';
import { ExperimentSteward } from './experiments/steward.ts';
import { cancellationOutputs, destinations, output, type Destinations, type Made, type OnTrial, type StepOfTask } from './records.ts';
import { Reports } from './reports.ts';
import { WaitingSteps } from './waiting-steps.ts';

export interface SchedulerOptions {
  prefix: string;
  /** Names this process in its reports. @default it reports nothing */
  instance?: string;
  policy: Policy;
  /** Registered variants: accuracy and measured cost of each. */
  variants: readonly Variant[];
  log: EventLog;
  probe: ResourceProbe;
  clock: Clock;
  logger: Logger;
  observer?: SchedulerObserver;
  /** @default 500 */
  probeIntervalMs?: number;
  /** What experiments say of steps. @default there are none */
  experiments?: ExperimentBook;
  /** By which the workers share their time among tiers. @default as theirs */
  tierWeights?: Readonly<Record<string, number>>;
  /** So long before a request's deadline fusion answers it with what there is, ms. @default as fusion's */
  answerMarginMs?: number;
}

export interface SchedulerObserver {
  decided(decision: Decision): void;
  /** A record of the telemetry: a worker's heartbeat, or that it left. */
  heard?(record: LogRecord): void;
  /** A step came back, against what was expected of it. */
  cameTrue?(what: CameTrue): void;
  /** An experiment's arm was promoted or rolled back, or it ended. */
  experiment?(name: string, action: ExperimentAction): void;
}

type Outputs = readonly StageOutput[] | Promise<readonly StageOutput[]>;

const NOTHING: readonly StageOutput[] = [];
const NONE_TRIED: readonly string[] = [];

/** A cluster's state is computed once for all records of one millisecond. */
interface Snapshot {
  at: number;
  state: ClusterState;
}

type MadeRuling = OnTrial & { decision: Made };

/** How often a step that no worker would run is decided again. */
const MAX_REDISPATCHES = 2;
const SKIP_CANCELLED: RuledDecision = { decision: { kind: 'skip', reason: CANCELLED } };
const NOT_ON_TRIAL = {};

class Scheduler implements Stage {
  readonly name = 'scheduler';
  readonly inputs;
  readonly #options: SchedulerOptions;
  readonly #cluster: Cluster;
  readonly #experiments: ExperimentBook;
  readonly #steward: ExperimentSteward;
  readonly #copies: ShadowCopies;
  #context: StageContext | undefined;
  readonly #tasksTopic: string;
  readonly #to: Destinations;
  /** Requests that have been taken back. */
  readonly #cancelled = new RecentKeys();
  #telemetry: Tail | undefined;
  #cancelProbe: () => void = () => undefined;
  #stopped = false;
  #snapshot: Snapshot | undefined;
  readonly #waiting = new WaitingSteps((at) => this.#decide(at));
  readonly #reports: Reports;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#experiments = options.experiments ?? new ExperimentBook();
    this.#copies = new ShadowCopies(this.#experiments, options.prefix);
    this.#steward = new ExperimentSteward({
      ...options, experiments: this.#experiments, publish: (outputs) => this.#publish(outputs), onAction: (name, action) => options.observer?.experiment?.(name, action),
    });
    this.#tasksTopic = topicName(options.prefix, 'tasks');
    this.#to = destinations(options.prefix);
    this.inputs = [{ group: 'scheduler', topics: [this.#tasksTopic, topicName(options.prefix, 'outcomes')] }];
    this.#reports = new Reports({ ...options, waiting: () => this.#waiting.size });
    const { variants, clock, tierWeights, answerMarginMs } = options;
    this.#cluster = new Cluster({
      variants, startedAt: clock.now(), ...(tierWeights === undefined ? {} : { tierWeights }), ...(answerMarginMs === undefined ? {} : { answerMarginMs }),
    });
  }

  async start(context: StageContext): Promise<void> {
    this.#context = context;
    const { log, prefix, logger, clock, observer } = this.#options;
    this.#telemetry = await log.tail({
      topic: topicName(prefix, 'telemetry'),
      onRecord: (record) => {
        this.#cluster.heard(record.key, record.value, clock.now());
        this.#steward.heard(record);
        observer?.heard?.(record);
        this.#snapshot = undefined;
        this.#waiting.look();
      },
      onFault: (error) => logger.warn({ err: error }, 'reading telemetry failed; trying again'),
    });
    await this.#telemetry.caughtUp;
    this.#steward.begin();
    this.#reports.start(context);
    await this.#probe();
  }

  handle(record: LogRecord): Outputs {
    if (record.topic === this.#tasksTopic) return this.#task(readRecord<TaskRecord>(record), record.partition);
    return this.#goOn(readRecord<Outcome>(record), record.partition);
  }

  /** What waits for workers waits elsewhere. */
  async drain(): Promise<void> {
    this.#waiting.handBack();
  }

  onAssigned(partitions: readonly TopicPartition[]): void {
    if (this.#isFirst(partitions)) this.#steward.inCharge = true;
  }

  onRevoked(partitions: readonly TopicPartition[]): void {
    if (this.#isFirst(partitions)) this.#steward.inCharge = false;
    this.#cluster.forgetOutstanding();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelProbe();
    this.#reports.stop();
    await this.#telemetry?.close();
  }

  /** Whoever has this partition steers what one of several schedulers has to. */
  #isFirst(partitions: readonly TopicPartition[]): boolean {
    return partitions.some(({ topic, partition }) => topic === this.#tasksTopic && partition === 0);
  }

  async #publish(outputs: readonly StageOutput[]): Promise<void> {
    await this.#context?.publish(outputs);
  }

  /** Beside everything else: nothing waits for it, and what is lost of it is not missed. */
  #copy(outcome: StepOutcome): void {
    const { clock, logger } = this.#options;
    if (outcome.kind !== 'completed') return;
    const now = clock.now();
    const copies = this.#copies.of(outcome, () => this.#state(now), now);
    if (copies.length > 0) this.#publish(copies).catch((err: unknown) => logger.debug({ err }, 'a copy for an experiment could not be written'));
  }

  #task(task: TaskRecord, partition: number): Outputs {
    return 'cancel' in task ? this.#cancel(task) : this.#begin(task, partition);
  }

  /** Nothing more is dispatched for the request; what has been is told to the workers, since fusion answers it. */
  #cancel(cancellation: Cancellation): StageOutput[] {
    const now = this.#options.clock.now();
    this.#cancelled.add(cancellation.requestId, now);
    return cancellationOutputs(this.#to, cancellation, this.#cluster.served(now));
  }

  #begin(task: Task, partition: number): Outputs {
    const now = this.#options.clock.now();
    return this.#cluster.refuses(task, partition, now) ? this.#refuse(task, now) : this.#next(task, {}, undefined);
  }

  /** Before anything has been done for it. */
  #refuse(task: Task, now: number): StageOutput[] {
    return readySteps(task.plan.steps, {}, undefined).map((step) => this.#carriedOut({ task, step, previous: {} }, { decision: TOO_MUCH }, now));
  }

  /** What an outcome makes possible: the steps that come after it. */
  #goOn(outcome: Outcome, partition: number): Outputs {
    if (outcome.kind === 'rejected' || outcome.kind === 'progress') return NOTHING;
    if (outcome.kind === 'shadow') {
      this.#copies.returned(outcome.requestId, outcome.shadow.arm);
      return NOTHING;
    }
    this.#count(outcome, partition);
    if (outcome.kind === 'redispatch') return this.#again(outcome);
    this.#copy(outcome);
    const { task, step: done } = outcome;
    const previous = endsSoFar(outcome);
    return this.#next(task, previous, done);
  }

  /**
   * Without a deadline one step after the other, also those that could run side by side: each outcome then brings along
   * the earlier ones, and fusion has to hold none for another that may be far behind it.
   */
  #next(task: Task, previous: StepEnds, done: string | undefined): Outputs {
    const { steps } = task.plan;
    const ready = task.deadlineAt === null ? nextStep(steps, previous) : readySteps(steps, previous, done);
    return this.#decideAll(ready.map((step) => ({ task, step, previous })));
  }

  /** The step again, without the variants that would not run it; not for ever. */
  #again({ task, step: id, previous, tried, code, message }: RedispatchOutcome): Outputs {
    const step = task.plan.steps.find((one) => one.id === id);
    if (step === undefined) return NOTHING;
    const at = { task, step, previous, tried };
    if (tried.length <= MAX_REDISPATCHES) return this.#decideAll([at]);
    const { clock, observer } = this.#options;
    const decision: Decision = { kind: 'fail', code: code === 'variant_unavailable' ? code : 'no_variant', reason: message };
    observer?.decided(decision);
    return [output(this.#to, at, decision, { now: clock.now() }, NOT_ON_TRIAL)];
  }

  #count(outcome: StepOutcome | RedispatchOutcome, partition: number): void {
    const { clock, observer } = this.#options;
    const now = clock.now();
    this.#cluster.ended(outcome, partition, now);
    if (outcome.kind !== 'redispatch') this.#teach(outcome);
    const cameTrue = this.#cluster.returned(outcome, now);
    if (cameTrue !== undefined) observer?.cameTrue?.(cameTrue);
  }

  /** Nor must one that cannot learn from an outcome keep it from the steps after it. */
  #teach(outcome: StepOutcome): void {
    const { policy, clock, logger } = this.#options;
    try {
      policy.returned?.(outcome, clock.now());
    } catch (err) {
      logger.error({ err, step: outcome.step, workload: outcome.task.workload }, 'the policy could not learn from an outcome');
    }
  }

  #decideAll(steps: readonly StepOfTask[]): Outputs {
    if (steps.length === 0) return NOTHING;
    const decided = steps.map((at) => this.#decide(at) ?? this.#waiting.add(at));
    return decided.some((one) => one instanceof Promise) ? Promise.all(decided.map((one) => Promise.resolve(one))) : (decided as StageOutput[]);
  }

  /** Undefined: it has to wait. */
  #decide(at: StepOfTask): StageOutput | undefined {
    const now = this.#options.clock.now();
    const ruled = this.#isCancelled(at, now) ? SKIP_CANCELLED : this.#choose(at, now);
    return isMade(ruled) ? this.#carriedOut(at, ruled, now) : undefined;
  }

  #carriedOut(at: StepOfTask, ruled: MadeRuling, now: number): StageOutput {
    const { decision } = ruled;
    this.#options.observer?.decided(decision);
    this.#reports.count(decision, at.task.lane);
    if (decision.kind === 'dispatch') this.#dispatched(at, decision, now);
    else if (decision.kind === 'fail' && decision.code === 'overload') this.#cluster.shed(at.step.model, now);
    return output(this.#to, at, decision, { now, dueAt: this.#cluster.dueAt(at.task, now) }, ruled);
  }

  #dispatched({ task: { requestId, lane, tier, key }, step }: StepOfTask, { model, precision, pool, forecast }: Decision & { kind: 'dispatch' }, now: number): void {
    this.#cluster.dispatched({ requestId, step: step.id, model, precision, pool, lane, tier, key, forecast, dispatchedAt: now });
  }

  /** A policy's defect must not leave a request unanswered. */
  #choose(at: StepOfTask, now: number): RuledDecision {
    const { policy, logger } = this.#options;
    try {
      const { task, step, previous, tried = NONE_TRIED } = at;
      return decideInExperiment(policy, { task, step, previous, tried, now, cluster: this.#state(now) }, this.#experiments.ruling(task, step));
    } catch (error) {
      logger.error({ err: error, step: at.step.id, workload: at.task.workload }, 'the policy failed');
      return { decision: { kind: 'fail', code: 'internal', reason: `the policy failed: ${messageOf(error)}` } };
    }
  }

  /** Heard here, or by whoever dropped an earlier step. */
  #isCancelled({ task, previous }: StepOfTask, now: number): boolean {
    if (this.#cancelled.has(task.requestId, now)) return true;
    for (const step in previous) if (isCancelled(previous[step])) return true;
    return false;
  }

  #state(now: number): ClusterState {
    if (this.#snapshot?.at !== now) this.#snapshot = { at: now, state: this.#cluster.state(now) };
    return this.#snapshot.state;
  }

  async #probe(): Promise<void> {
    const { probe, clock, logger, probeIntervalMs = 500 } = this.#options;
    try {
      this.#cluster.measured(await probe.sample());
    } catch (error) {
      logger.warn({ err: error }, 'sampling resources failed; deciding by the last sample');
    }
    // The stage may have been stopped while this took its sample.
    if (this.#stopped) return;
    // Deadlines pass without any news.
    this.#waiting.look();
    this.#cancelProbe = clock.schedule(clock.now() + probeIntervalMs, () => void this.#probe());
  }
}

function isMade(ruled: RuledDecision): ruled is MadeRuling {
  return ruled.decision.kind !== 'wait';
}

function isCancelled(end: StepEnd | undefined): boolean {
  return end?.kind === 'skipped' && end.reason === CANCELLED;
}

/** Chooses model × precision × pool for each step, from what it measures of the load. Keeps no task. */
export function createSchedulerStage(options: SchedulerOptions): Stage {
  return new Scheduler(options);
}
