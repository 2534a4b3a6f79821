import { performance } from 'node:perf_hooks';
import { topicName } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import { AdmissionControl, type AdmissionOptions } from '@tandem/shared/core';
import type { EventLog, LogRecord, TopicPartition } from '@tandem/shared/log';
import type { Intake } from '@tandem/shared/runner';
import type { Logger } from '@tandem/shared/telemetry';
import type { ClassifierStage } from './classifier-stage.ts';
import { Heartbeats } from './heartbeats.ts';
import { TaskLag } from './task-lag.ts';

export interface BulkAdmissionOptions {
  log: Pick<EventLog, 'tail' | 'admin'>;
  /** Of topics. */
  prefix: string;
  /** Of the bulk topic, over all classifiers. */
  partitions: number;
  clock: Clock;
  logger: Logger;
  control?: Partial<AdmissionOptions>;
  /** Share of time that this process's event loop was busy since the last call, 0..1. @default measured */
  loopUse?: () => number;
}

type BulkIntake = Pick<Intake, 'pause' | 'resume'>;

/** Requests come in small groups: a larger one would stand in the way of interactive requests. */
const INTERVAL_MS = 10;
/** What has not been admitted for so long is not made up for. */
const MAX_CREDIT_MS = 100;
const LAG_INTERVAL_MS = 1_000;
/** Shorter spans say little of how busy an event loop is. */
const LEAST_LOOP_SPAN_MS = 250;

/** Lets requests of the bulk lane into the flow at the pace that the workers' heartbeats allow; the others wait in the log. */
export class BulkAdmission {
  readonly #options: BulkAdmissionOptions;
  readonly #topic: string;
  readonly #control: AdmissionControl;
  readonly #loopUse: () => number;
  readonly #lag: TaskLag;
  readonly #heartbeats: Heartbeats;
  readonly #assigned = new Set<number>();
  #intake: BulkIntake | undefined;
  #credit = 0;
  #creditAt: number;
  #admitted = 0;
  #cancel: () => void = () => undefined;

  constructor(options: BulkAdmissionOptions) {
    this.#options = options;
    this.#topic = topicName(options.prefix, 'requests.bulk');
    this.#control = new AdmissionControl(options.control);
    this.#lag = new TaskLag({ ...options, intervalMs: LAG_INTERVAL_MS });
    this.#heartbeats = new Heartbeats({
      ...options, without: 'bulk requests are admitted at the lowest pace',
      onHeartbeat: (heartbeat, now) => this.#control.heard(heartbeat, now), onGone: (instance) => this.#control.gone(instance),
    });
    this.#loopUse = options.loopUse ?? measuredLoopUse();
    this.#creditAt = options.clock.now();
  }

  attach(intake: BulkIntake): void {
    this.#intake = intake;
    this.#hold();
    void this.#heartbeats.listen();
  }

  assigned(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) if (topic === this.#topic) this.#assigned.add(partition);
  }

  revoked(partitions: readonly TopicPartition[]): void {
    for (const { topic, partition } of partitions) if (topic === this.#topic) this.#assigned.delete(partition);
  }

  /** Synchronously on delivery, so that the next record already finds the topic paused. */
  delivered({ topic }: LogRecord): void {
    if (topic !== this.#topic) return;
    this.#admitted += 1;
    this.#credit -= 1;
    if (this.#credit < 1) this.#hold();
  }

  async stop(): Promise<void> {
    this.#cancel();
    await this.#heartbeats.stop();
  }

  #hold(): void {
    this.#intake?.pause([this.#topic]);
    this.#cancel();
    const { clock } = this.#options;
    this.#cancel = clock.schedule(clock.now() + INTERVAL_MS, () => this.#earn());
  }

  #earn(): void {
    const now = this.#options.clock.now();
    const own = { ofPartitions: this.#assigned.size / this.#options.partitions, admitted: this.#admitted, loopUse: this.#loopUse(), lagMs: this.#lag.update() };
    const perMs = this.#control.perSecond(own, now) / 1_000;
    const most = Math.max(1, perMs * MAX_CREDIT_MS);
    this.#credit = Math.min(most, this.#credit + perMs * Math.max(0, now - this.#creditAt));
    this.#creditAt = now;
    if (this.#credit < 1) return this.#hold();
    this.#intake?.resume([this.#topic]);
  }
}

function measuredLoopUse(): () => number {
  let last = performance.eventLoopUtilization();
  let use = 0;
  return () => {
    const { utilization, active, idle } = performance.eventLoopUtilization(last);
    if (active + idle < LEAST_LOOP_SPAN_MS) return use;
    last = performance.eventLoopUtilization();
    use = utilization;
    return use;
  };
}

/** The stage, taking in bulk requests at the pace that is good for the others. */
export function withBulkAdmission(stage: ClassifierStage, options: BulkAdmissionOptions): ClassifierStage {
  const admission = new BulkAdmission(options);
  const handle = stage.handle.bind(stage);
  const stop = stage.stop?.bind(stage);
  const [attach, onAssigned, onRevoked] = [stage.attach?.bind(stage), stage.onAssigned?.bind(stage), stage.onRevoked?.bind(stage)];
  return Object.assign(stage, {
    attach(intake: Intake) {
      admission.attach(intake);
      attach?.(intake);
    },
    handle(...[record, context]: Parameters<ClassifierStage['handle']>) {
      admission.delivered(record);
      return handle(record, context);
    },
    onAssigned(partitions: readonly TopicPartition[]) {
      admission.assigned(partitions);
      onAssigned?.(partitions);
    },
    onRevoked(partitions: readonly TopicPartition[]) {
      admission.revoked(partitions);
      onRevoked?.(partitions);
    },
    async stop() {
      await admission.stop();
      await stop?.();
    },
  });
}
