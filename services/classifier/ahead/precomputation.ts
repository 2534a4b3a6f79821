import { randomUUID } from 'node:crypto';
import { HEADER, topicName, type Heartbeat, type Request, type Workload } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import { ActiveUsers, freshnessMs, IdleWorkers, readRequest, type AskedFor } from '@tandem/shared/core';
import type { EventLog, LogRecord, TopicPartition } from '@tandem/shared/log';
import type { Intake, StageContext } from '@tandem/shared/runner';
import type { Logger } from '@tandem/shared/telemetry';
import type { ClassifierStage } from '../classifier-stage.ts';
import { Heartbeats } from '../heartbeats.ts';
import type { AheadListener } from './listener.ts';
import { recentRequests } from './recent-requests.ts';
import { templateOf, type Template } from './templates.ts';

export interface PrecomputationOptions {
  log: Pick<EventLog, 'tail' | 'read' | 'admin' | 'now'>;
  /** Of topics. */
  prefix: string;
  /** Of the requests, over all classifiers. */
  partitions: number;
  /** Those that say `precompute` count. */
  workloads: readonly Workload[];
  clock: Clock;
  logger: Logger;
  random: () => number;
  /** At most, over all classifiers. */
  perSecond: number;
  maxCpuUse: number;
  /** A likely request was put on its way; for metrics. */
  onTask?: (workload: string) => void;
}

type Likely = AskedFor<Template>;

const TICK_MS = 250;
/** What has not begun by then gives way to whatever keeps it waiting. */
const MOST_WAIT_MS = 1_000;
/** Being made into tasks at once: each asks the cache for a history. */
const MOST_UNDER_WAY = 16;
/** What users send is remembered in memory. */
const LONGEST_REQUEST_BYTES = 4_096;
const LIMITS = { maxBytes: LONGEST_REQUEST_BYTES, maxDepth: 32 };

/**
 * Computes likely requests ahead while workers have nothing else to do: of the most active users, as soon as they have done something
 * new, when their results are too old, and when a worker begins with an empty memory. They go through the flow as bulk requests do, are
 * put on their way only while nothing at all waits, and expire at once where something comes in between.
 */
export class Precomputation implements AheadListener {
  readonly #options: PrecomputationOptions;
  readonly #topics: { requests: string; bulk: string };
  readonly #users: ReadonlyMap<string, ActiveUsers<Template>>;
  readonly #idle: IdleWorkers;
  readonly #heartbeats: Heartbeats;
  readonly #assigned = new Map<number, AbortController>();
  #stage: Pick<ClassifierStage, 'taskAhead'> | undefined;
  #intake: Pick<Intake, 'lag'> | undefined;
  #context: StageContext | undefined;
  #credit = 0;
  #underWay = 0;
  #cancelTick: () => void = () => undefined;

  constructor(options: PrecomputationOptions) {
    const { prefix, workloads, maxCpuUse } = options;
    this.#options = options;
    this.#topics = { requests: topicName(prefix, 'requests'), bulk: topicName(prefix, 'requests.bulk') };
    this.#users = usersByWorkload(workloads, options.random);
    this.#idle = new IdleWorkers({ maxCpuUse });
    this.#heartbeats = new Heartbeats({
      ...options, without: 'nothing is computed ahead',
      onHeartbeat: (heartbeat, now) => this.#heard(heartbeat, now), onGone: (instance) => this.#idle.gone(instance),
    });
  }

  /** Some workload wants it. */
  get isOn(): boolean {
    return this.#users.size > 0 && this.#options.perSecond > 0;
  }

  attach(intake: Pick<Intake, 'lag'>): void {
    this.#intake = intake;
  }

  start(stage: Pick<ClassifierStage, 'taskAhead'>, context: StageContext): void {
    this.#stage = stage;
    this.#context = context;
    void this.#heartbeats.listen();
    this.#tickLater();
  }

  assigned(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      if (topic !== this.#topics.requests || this.#assigned.has(partition)) continue;
      const leaving = new AbortController();
      this.#assigned.set(partition, leaving);
      void this.#recall(partition, leaving.signal);
    }
  }

  revoked(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) {
      if (topic !== this.#topics.requests) continue;
      this.#assigned.get(partition)?.abort();
      this.#assigned.delete(partition);
    }
  }

  async stop(): Promise<void> {
    this.#cancelTick();
    for (const leaving of this.#assigned.values()) leaving.abort();
    await this.#heartbeats.stop();
  }

  asked(request: Request, record: Pick<LogRecord, 'headers' | 'value'>): void {
    if ((record.value?.length ?? 0) <= LONGEST_REQUEST_BYTES) this.#note(request, record, this.#options.clock.now(), true);
  }

  acted(userId: string): void {
    for (const users of this.#users.values()) users.acted(userId);
  }

  erased(userId: string): void {
    for (const users of this.#users.values()) users.forget(userId);
  }

  #note(request: Request, { headers }: Pick<LogRecord, 'headers'>, at: number, isComputed: boolean): void {
    const users = this.#users.get(request.workload);
    const template = users === undefined ? undefined : templateOf(request);
    if (template !== undefined) users!.asked({ userId: template.userId, tenant: headers[HEADER.tenant], template }, at, isComputed);
  }

  /** Who was active before this process had the partition. */
  async #recall(partition: number, signal: AbortSignal): Promise<void> {
    const { log, prefix, logger } = this.#options;
    try {
      for await (const record of recentRequests({ log, prefix, partition, now: log.now(), signal })) {
        const { request } = readRequest(record, LIMITS);
        if (request !== undefined) this.#note(request, record, record.timestamp, false);
      }
    } catch (err) {
      if (!signal.aborted) logger.debug({ err, partition }, 'who was active before could not be read');
    }
  }

  #heard(heartbeat: Heartbeat, now: number): void {
    if (this.#idle.heard(heartbeat, now)) for (const users of this.#users.values()) users.allDue();
  }

  #tickLater(): void {
    const { clock } = this.#options;
    this.#cancelTick = clock.schedule(clock.now() + TICK_MS, () => {
      this.#tick(clock.now());
      this.#tickLater();
    });
  }

  #tick(now: number): void {
    const { perSecond, partitions } = this.#options;
    const perTick = (perSecond * TICK_MS * this.#assigned.size) / partitions / 1_000;
    this.#credit = Math.min(Math.max(1, perTick), this.#credit + perTick);
    if (!this.#isIdle(now)) return;
    for (const users of this.#users.values()) {
      const most = Math.min(Math.floor(this.#credit), MOST_UNDER_WAY - this.#underWay);
      if (most < 1) return;
      const likely = users.take(most, now);
      this.#credit -= likely.length;
      for (const each of likely) void this.#compute(each);
    }
  }

  #isIdle(now: number): boolean {
    const { requests, bulk } = this.#topics;
    const waiting = this.#intake === undefined ? 0 : this.#intake.lag(requests) + this.#intake.lag(bulk);
    return waiting === 0 && this.#idle.isIdle(now);
  }

  async #compute({ template, tenant }: Likely): Promise<void> {
    const { logger, onTask } = this.#options;
    this.#underWay += 1;
    try {
      const output = await this.#stage?.taskAhead({ ...template, requestId: `ahead-${randomUUID()}` }, MOST_WAIT_MS);
      if (output === undefined) return;
      onTask?.(template.workload);
      const { topic, key, value } = output;
      await this.#context?.publish([{ topic, key, value, ...(tenant === undefined ? {} : { headers: { [HEADER.tenant]: tenant } }) }]);
    } catch (err) {
      logger.debug({ err }, 'a likely request could not be put on its way');
    } finally {
      this.#underWay -= 1;
    }
  }
}

function usersByWorkload(workloads: readonly Workload[], random: () => number): Map<string, ActiveUsers<Template>> {
  return new Map(workloads.flatMap(({ name, precompute, freshness }) => {
    const freshForMs = freshnessMs(freshness);
    return precompute === undefined || freshForMs === undefined ? [] : [[name, new ActiveUsers<Template>({ maxUsers: precompute.users, freshForMs, random })]];
  }));
}

/** The stage, with likely requests computed ahead; the stage was made with it as its listener. */
export function withPrecomputation(stage: ClassifierStage, ahead: Precomputation): ClassifierStage {
  const [attach, start, onAssigned, onRevoked, stop] = [
    stage.attach?.bind(stage), stage.start?.bind(stage), stage.onAssigned?.bind(stage), stage.onRevoked?.bind(stage), stage.stop?.bind(stage),
  ];
  return Object.assign(stage, {
    attach(intake: Intake) {
      ahead.attach(intake);
      attach?.(intake);
    },
    async start(context: StageContext) {
      await start?.(context);
      ahead.start(stage, context);
    },
    onAssigned(partitions: readonly TopicPartition[]) {
      ahead.assigned(partitions);
      onAssigned?.(partitions);
    },
    onRevoked(partitions: readonly TopicPartition[]) {
      ahead.revoked(partitions);
      onRevoked?.(partitions);
    },
    async stop() {
      await ahead.stop();
      await stop?.();
    },
  });
}
