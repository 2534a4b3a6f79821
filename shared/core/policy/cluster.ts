import { z } from 'zod';
import type { Heartbeat, ResourceSample, Variant, VariantLoad } from '@tandem/schemas';
import type { ClusterState, VariantState } from './types.ts';

export interface ClusterOptions {
  variants: readonly Variant[];
  /** Epoch ms of the scheduler's start. */
  startedAt: number;
  /** A worker without a heartbeat for this long is gone. @default 3000 */
  staleAfterMs?: number;
}

/** Telemetry is internal, but a foreign record there must not stop the scheduler. */
const heartbeatSchema = z.object({ kind: z.literal('worker'), instance: z.string(), time: z.number(), variants: z.array(z.object({ model: z.string(), precision: z.string() })), resources: z.object({ memoryFreeBytes: z.number() }) });

const nameOf = ({ model, precision }: { model: string; precision: string }) => `${model}.${precision}`;

/** A variant at the workers of one pool. */
export interface ServedPool {
  model: string;
  precision: string;
  pool: string | undefined;
}

interface Heard {
  heartbeat: Heartbeat;
  /** By this process' own clock: workers' clocks may be off. */
  at: number;
}

/** The scheduler's picture of its workers: last heartbeats, and its own count of outstanding work. */
export class Cluster {
  readonly #variants: readonly Variant[];
  readonly #startedAt: number;
  readonly #staleAfterMs: number;
  readonly #heard = new Map<string, Heard>();
  readonly #everServed = new Set<string>();
  readonly #outstanding = new Map<string, number>();
  /** Variants that have been tried since a worker last said that it tries them again. */
  readonly #probed = new Set<string>();
  #own: ResourceSample | undefined;

  constructor({ variants, startedAt, staleAfterMs = 3_000 }: ClusterOptions) {
    this.#variants = variants.filter(({ status }) => status !== 'retired');
    this.#startedAt = startedAt;
    this.#staleAfterMs = staleAfterMs;
  }

  /** A telemetry record's value; null is the tombstone of a worker that left. Anything unreadable is ignored. */
  heard(instance: string | null, value: Buffer | null, now: number): void {
    if (instance === null) return;
    if (value === null) {
      this.#heard.delete(instance);
      return;
    }
    const heartbeat = parseHeartbeat(value);
    if (heartbeat !== undefined) this.beat({ ...heartbeat, instance }, now);
  }

  /** A heartbeat that has been read. */
  beat(heartbeat: Heartbeat, now: number): void {
    this.#heard.set(heartbeat.instance, { heartbeat, at: now });
    for (const variant of heartbeat.variants) {
      this.#everServed.add(nameOf(variant));
      this.#probed.delete(nameOf(variant));
    }
  }

  /** The scheduler's own machine, for as long as no worker has reported. */
  measured(sample: ResourceSample): void {
    this.#own = sample;
  }

  dispatched(variant: { model: string; precision: string }): void {
    const name = nameOf(variant);
    this.#outstanding.set(name, (this.#outstanding.get(name) ?? 0) + 1);
    this.#probed.add(name);
  }

  returned(variant: { model: string; precision: string }): void {
    const name = nameOf(variant);
    this.#outstanding.set(name, Math.max(0, (this.#outstanding.get(name) ?? 0) - 1));
  }

  /** After a rebalance others count what we dispatched. */
  forgetOutstanding(): void {
    this.#outstanding.clear();
  }

  state(now: number): ClusterState {
    const live = this.#live(now);
    const pools = [undefined, ...new Set(live.flatMap(({ pool }) => pool ?? []))];
    return {
      resources: busiest(live.map(({ resources }) => resources)) ?? this.#own,
      settled: now - this.#startedAt > this.#staleAfterMs,
      variantsOf: (model) => this.#variants
        .filter((variant) => variant.model === model)
        .flatMap((variant) => pools.map((pool) => this.#stateOf(variant, pool, live))),
    };
  }

  /** Where work may be waiting now: each variant and pool that is served, once. */
  served(now: number): ServedPool[] {
    const pools = new Map<string, ServedPool>();
    for (const { pool, variants } of this.#live(now)) {
      for (const { model, precision } of variants) pools.set(`${nameOf({ model, precision })} ${pool ?? ''}`, { model, precision, pool });
    }
    return [...pools.values()];
  }

  #live(now: number): Heartbeat[] {
    for (const [instance, { at }] of this.#heard) {
      if (now - at > this.#staleAfterMs) this.#heard.delete(instance);
    }
    return [...this.#heard.values()].map(({ heartbeat }) => heartbeat);
  }

  #stateOf(variant: Variant, pool: string | undefined, live: readonly Heartbeat[]): VariantState {
    const inPool = live.filter((heartbeat) => heartbeat.pool === pool);
    const loads = inPool.flatMap(({ variants }) => variants.filter((load) => nameOf(load) === nameOf(variant)));
    const breakers = (state: string) => loads.filter(({ breaker = 'closed' }) => breaker === state).length;
    const halfOpen = breakers('half_open');
    const known = loads.filter(({ meanBatchMs }) => meanBatchMs > 0);
    return {
      variant,
      ...(pool === undefined ? {} : { pool }),
      workers: breakers('closed'),
      halfOpen,
      probeDue: halfOpen > 0 && !this.#probed.has(nameOf(variant)),
      takenOut: breakers('open'),
      queued: sum(loads, ({ queued }) => queued),
      outstanding: this.#outstanding.get(nameOf(variant)) ?? 0,
      meanBatchMs: known.length === 0 ? 0 : sum(known, ({ meanBatchMs }) => meanBatchMs) / known.length,
      everServed: this.#everServed.has(nameOf(variant)),
    };
  }
}

function sum(loads: readonly VariantLoad[], of: (load: VariantLoad) => number): number {
  return loads.reduce((total, load) => total + of(load), 0);
}

function parseHeartbeat(value: Buffer): Heartbeat | undefined {
  try {
    const parsed: unknown = JSON.parse(value.toString('utf8'));
    return heartbeatSchema.safeParse(parsed).success ? (parsed as Heartbeat) : undefined;
  } catch {
    return undefined;
  }
}

/** The policies' rules ask whether the machines are busy: the busiest one answers. */
function busiest(samples: readonly ResourceSample[]): ResourceSample | undefined {
  const use = ({ accelerator, cpuUse }: ResourceSample) => accelerator?.use ?? cpuUse ?? 0;
  return samples.reduce<ResourceSample | undefined>(
    (most, sample) => (most === undefined || use(sample) > use(most) ? sample : most),
    undefined,
  );
}
