import type { Heartbeat, VariantLoad } from '@tandem/schemas';
import type { ControlState } from '@tandem/shared/control';
import { readHeartbeat } from '@tandem/shared/core';
import type { LogRecord } from '@tandem/shared/log';
import type { VariantStatus, WorkerState, WorkerStatus } from '../snapshot.ts';
import { perSecondOf } from './answer-figures.ts';

/** Three heartbeats are missing. */
export const SILENT_MS = 1_600;
const GONE_MS = 10_000;
/** So long a worker that ended without a word is shown. */
const FORGOTTEN_MS = 120_000;
const WORKERS = 512;
/** Rates are taken over about so long. */
const RATE_MS = 2_000;

interface Heard {
  heartbeat: Heartbeat;
  /** By the gateway's own clock. */
  at: number;
  /** The heartbeat that rates are taken against. */
  before: Heartbeat;
}

const NO_PREFIXES = { hits: 0, misses: 0, bypassed: 0 };

/** Of one variant, by workers that live. */
export interface ServedVersions {
  /** The version of most of them first. */
  serving: { version: string; workers: number }[];
  /** Those that some should have taken and could not. */
  refused: { version: string; reason: string }[];
}

type VariantFigures = Omit<VariantStatus, 'queueMs' | 'share'>;

/** What the workers' heartbeats say. */
export class WorkerWatch {
  readonly #heard = new Map<string, Heard>();

  /** @param ageMs how long ago the record was written: of one that was there before, more than nothing */
  record({ key, value }: Pick<LogRecord, 'key' | 'value'>, now: number, ageMs: number): void {
    if (key === null || key.startsWith('erased/') || ageMs > FORGOTTEN_MS) return;
    if (value === null) return void this.#heard.delete(key);
    const heartbeat = readHeartbeat(value);
    if (heartbeat === undefined) return;
    const known = this.#heard.get(key);
    if (known === undefined && this.#heard.size >= WORKERS) return;
    const before = known !== undefined && heartbeat.time - known.before.time < 2 * RATE_MS ? known.before : (known?.heartbeat ?? heartbeat);
    this.#heard.set(key, { heartbeat, at: now - ageMs, before });
  }

  workers(now: number, control: ControlState): WorkerStatus[] {
    for (const [instance, { at }] of this.#heard) if (now - at > FORGOTTEN_MS) this.#heard.delete(instance);
    const seen = [...this.#heard.values()].map((heard) => workerOf(heard, now, control));
    const silent = control.workerDrains.filter(({ instance }) => !this.#heard.has(instance))
      .map(({ instance, time }): WorkerStatus => ({ instance, state: 'gone', silentMs: Math.max(0, now - time), variants: [], perSecond: 0 }));
    return [...seen, ...silent].sort((a, b) => (a.instance < b.instance ? -1 : 1));
  }

  /** By `model.precision`. */
  served(now: number): Map<string, ServedVersions> {
    const loads = [...this.#heard.values()].filter(({ at }) => now - at < SILENT_MS).flatMap(({ heartbeat }) => heartbeat.variants);
    const byName = Map.groupBy(loads, ({ model, precision }) => `${model}.${precision}`);
    return new Map([...byName].map(([name, group]) => [name, servedOf(group)]));
  }

  /** Those that some worker serves now. */
  variants(now: number): VariantFigures[] {
    const loads = [...this.#heard.values()].filter(({ at }) => now - at < SILENT_MS)
      .flatMap((heard) => heard.heartbeat.variants.map((load) => ({ load, ...ratesOf(heard, load) })));
    const byName = Map.groupBy(loads, ({ load }) => `${load.model}.${load.precision}`);
    return [...byName].map(([name, group]) => variantOf(name, group)).sort((a, b) => (a.name < b.name ? -1 : 1));
  }
}

function servedOf(group: readonly VariantLoad[]): ServedVersions {
  const serving = [...Map.groupBy(group, ({ version }) => version)].map(([version, { length: workers }]) => ({ version, workers }));
  const refused = new Map(group.flatMap((load) => (load.refused === undefined ? [] : [[load.refused.version, load.refused]])));
  return { serving: serving.sort((a, b) => b.workers - a.workers), refused: [...refused.values()] };
}

function workerOf({ heartbeat, at, before }: Heard, now: number, control: ControlState): WorkerStatus {
  const { instance, pool, resources, variants } = heartbeat;
  const silentMs = Math.max(0, now - at);
  const { cpuUse, cpuCores, memoryBytes, memoryFreeBytes, accelerator, brokerMs } = resources;
  return {
    instance, silentMs, cpuCores, memoryBytes, memoryFreeBytes,
    state: stateOf(heartbeat, silentMs, control),
    ...(pool === undefined ? {} : { pool }),
    ...(cpuUse === undefined ? {} : { cpuUse }),
    ...(accelerator === undefined ? {} : { accelerator }),
    ...(brokerMs === undefined ? {} : { brokerMs }),
    variants: variants.map(({ model, precision }) => `${model}.${precision}`),
    perSecond: variants.reduce((total, load) => total + ratesOf({ heartbeat, before }, load).perSecond, 0),
  };
}

function stateOf({ instance, drained }: Heartbeat, silentMs: number, control: ControlState): WorkerState {
  if (silentMs > GONE_MS) return 'gone';
  if (silentMs > SILENT_MS) return 'silent';
  if (drained === true) return 'drained';
  return control.isDrained(instance) ? 'draining' : 'working';
}

function ratesOf({ heartbeat, before }: Pick<Heard, 'heartbeat' | 'before'>, { model, precision, completed, failed, prefixes }: VariantLoad): Rates {
  const elapsedMs = heartbeat.time - before.time;
  const earlier = before.variants.find((load) => load.model === model && load.precision === precision);
  if (earlier === undefined) return { perSecond: 0, failedPerSecond: 0, prefixHits: 0, prefixRequests: 0 };
  const since = (of: (counts: NonNullable<VariantLoad['prefixes']>) => number) => (prefixes === undefined ? 0 : Math.max(0, of(prefixes) - of(earlier.prefixes ?? NO_PREFIXES)));
  return {
    perSecond: perSecondOf(completed - earlier.completed, elapsedMs),
    failedPerSecond: perSecondOf(failed - earlier.failed, elapsedMs),
    prefixHits: since(({ hits }) => hits),
    prefixRequests: since(({ hits, misses, bypassed }) => hits + misses + bypassed),
  };
}

interface Rates {
  perSecond: number;
  failedPerSecond: number;
  /** Since the heartbeat that they are taken against. */
  prefixHits: number;
  prefixRequests: number;
}

interface RatedLoad extends Rates {
  load: VariantLoad;
}

function variantOf(name: string, group: readonly RatedLoad[]): VariantFigures {
  const total = (of: (rated: RatedLoad) => number) => group.reduce((sum, rated) => sum + of(rated), 0);
  const running = group.filter(({ load }) => load.meanBatchMs > 0);
  const mean = (of: (load: VariantLoad) => number) => (running.length === 0 ? 0 : running.reduce((sum, { load }) => sum + of(load), 0) / running.length);
  const [{ load: { model, precision, version } }] = group as [RatedLoad];
  const prefixRequests = total((rated) => rated.prefixRequests);
  const breakers = group.map(({ load: { breaker = 'closed' } }) => breaker);
  return {
    name, model, precision, version,
    workers: group.length,
    queued: total(({ load }) => load.queued),
    running: total(({ load }) => load.running + (load.bulkRunning ?? 0)),
    perSecond: total(({ perSecond }) => perSecond),
    failedPerSecond: total(({ failedPerSecond }) => failedPerSecond),
    breaker: breakers.find((state) => state === 'open') ?? breakers.find((state) => state === 'half_open') ?? 'closed',
    meanBatchSize: mean((load) => load.meanBatchSize),
    meanBatchMs: mean((load) => load.meanBatchMs),
    prefixHits: prefixRequests === 0 ? null : total((rated) => rated.prefixHits) / prefixRequests,
  };
}
