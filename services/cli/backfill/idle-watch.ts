import { topicName, type Heartbeat } from '@tandem/schemas';
import type { Clock } from '@tandem/shared/clock';
import { readHeartbeat, WORKER_GONE_AFTER_MS } from '@tandem/shared/core';
import type { EventLog, Tail } from '@tandem/shared/log';

export interface IdleOptions {
  log: Pick<EventLog, 'tail'>;
  prefix: string;
  clock: Clock;
  onFault: (error: unknown) => void;
}

interface Heard {
  at: number;
  /** Interactive work completed, since the worker's start. */
  interactive: number;
  /** Of the machine's compute, spent on interactive work since the heartbeat before; undefined with the first. */
  interactiveUse: number | undefined;
  queued: number;
  running: number;
  cpuUse: number;
}

const STALE_RECORD_MS = 60_000;
/** Interactive work may take this share of each machine. */
const MAX_INTERACTIVE_USE = 0.1;
/** While nothing of ours runs, all that runs is somebody else's. */
const MAX_CPU_USE = 0.5;

/** Whether the workers are idle but for us, by their heartbeats. */
export class IdleWatch {
  readonly #options: IdleOptions;
  readonly #workers = new Map<string, Heard>();
  #tail: Tail | undefined;

  constructor(options: IdleOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { log, prefix, clock, onFault } = this.#options;
    this.#tail = await log.tail({
      topic: topicName(prefix, 'telemetry'),
      onRecord: ({ key, value, timestamp }) => {
        if (clock.now() - timestamp < STALE_RECORD_MS) this.heard(key ?? '', value);
      },
      onFault,
    });
  }

  async close(): Promise<void> {
    await this.#tail?.close();
  }

  heard(instance: string, value: Buffer | null): void {
    const now = this.#options.clock.now();
    const heartbeat = value === null ? undefined : readHeartbeat(value);
    if (heartbeat === undefined) return void (value === null && this.#workers.delete(instance));
    this.#workers.set(instance, { ...figures(heartbeat, this.#workers.get(instance), now), at: now });
  }

  /** @param busyWithOurs whether requests of this backfill are in the flow */
  idle(busyWithOurs: boolean): boolean {
    const now = this.#options.clock.now();
    const live = [...this.#workers.values()].filter(({ at }) => now - at <= WORKER_GONE_AFTER_MS);
    if (live.length === 0) return false;
    return live.every(({ interactiveUse, queued, running, cpuUse }) => {
      if (interactiveUse === undefined || interactiveUse > MAX_INTERACTIVE_USE) return false;
      return busyWithOurs || (queued === 0 && running === 0 && cpuUse <= MAX_CPU_USE);
    });
  }
}

function figures({ variants, resources }: Heartbeat, before: Heard | undefined, now: number): Omit<Heard, 'at'> {
  const sum = (of: (variant: Heartbeat['variants'][number]) => number) => variants.reduce((total, variant) => total + of(variant), 0);
  const interactive = sum(({ completed, bulkCompleted = 0 }) => completed - bulkCompleted);
  const costMs = sum(({ completed, meanBatchMs, meanBatchSize }) => (meanBatchSize > 0 ? (completed * meanBatchMs) / meanBatchSize : 0));
  const meanMs = costMs / Math.max(1, sum(({ completed }) => completed));
  const elapsedMs = before === undefined ? 0 : now - before.at;
  const interactiveUse = elapsedMs <= 0
    ? before?.interactiveUse
    : (Math.max(0, interactive - (before?.interactive ?? 0)) * meanMs) / (elapsedMs * Math.max(1, resources.cpuCores));
  return { interactive, interactiveUse, queued: sum(({ queued }) => queued), running: sum(({ running }) => running), cpuUse: resources.cpuUse ?? 0 };
}
