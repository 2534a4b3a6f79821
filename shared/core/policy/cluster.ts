import type { Heartbeat, ResourceSample, StepOutcome, StepRun, Task, Variant, VariantLoad } from '@tandem/schemas';
import { QUEUE_RULES } from '../batching/index.ts';
import { answerMarginMs, closesAt, dueAt } from '../deadlines/index.ts';
import { LossControls } from '../intake/index.ts';
import { readHeartbeat } from '../heartbeat/read-heartbeat.ts';
import { WORKER_GONE_AFTER_MS } from '../heartbeat/worker-gone.ts';
import { expectedMsOf } from './expectation.ts';
import { Forecaster } from './forecaster.ts';
import { Outstanding, PlaceNames, type Dispatched, type PlaceCounts } from './outstanding.ts';
import { LivePrefixes } from './live-prefixes.ts';
import type { ClusterState, Forecast, VariantState } from './types.ts';
import { Ways } from './way.ts';

export interface ClusterOptions {
  variants: readonly Variant[];
  /** Epoch ms of the scheduler's start. */
  startedAt: number;
  /** A worker without a heartbeat for this long is gone. @default 3000 */
  staleAfterMs?: number;
  /** Shares of session time by which the workers serve tiers. @default as theirs: vip 4, standard 1 */
  tierWeights?: Readonly<Record<string, number>>;
  /** So long before a request's deadline fusion answers it with what there is, ms. @default as fusion's */
  answerMarginMs?: number;
}

/** A step that came back, against what was expected of it. */
export interface CameTrue {
  /** `model.precision` */
  variant: string;
  /** From dispatch until heard of, ms. */
  expectedMs: number;
  actualMs: number;
  /** Energy of its share of its batch, by what the machines took when it was dispatched and what the batch really took. Absent: not all of them are measured. */
  joules?: number;
}

const nameOf = ({ model, precision }: { model: string; precision: string }) => `${model}.${precision}`;

type Returned = Pick<StepOutcome, 'requestId' | 'step'> & Partial<Pick<StepOutcome, 'task'>> & { kind: StepOutcome['kind'] | 'redispatch' };

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

/** What the last heartbeats say of a variant at one pool's workers; what is counted here since is brought up to date whenever it is asked for. */
interface Report {
  name: string;
  /** Of what is under way there. */
  counts: PlaceCounts;
  state: VariantState;
}

/** What the last heartbeats come to: it stays the same for all decisions until the next one. */
interface View {
  live: readonly Heartbeat[];
  pools: readonly (string | undefined)[];
  sessions: ReadonlyMap<string | undefined, number>;
  resources: ResourceSample | undefined;
}

interface Reports {
  all: readonly Report[];
  states: readonly VariantState[];
}

/** The scheduler's picture of its workers: last heartbeats, and its own count of outstanding work. */
export class Cluster {
  readonly #variants: readonly Variant[];
  readonly #startedAt: number;
  readonly #staleAfterMs: number;
  readonly #answerMarginMs: number;
  readonly #heard = new Map<string, Heard>();
  readonly #everServed = new Set<string>();
  /** By model; empty when heartbeats have come or workers have gone. */
  readonly #reports = new Map<string, Reports>();
  readonly #outstanding = new Outstanding();
  readonly #ways = new Ways();
  readonly #forecaster: Forecaster;
  readonly #intake: LossControls;
  readonly #names = new PlaceNames();
  readonly #prefixes = new LivePrefixes();
  /** Precision by tier and model. */
  readonly #last = new Map<string, Map<string, string>>();
  /** Variants that have been tried since a worker last said that it tries them again. */
  readonly #probed = new Set<string>();
  #own: ResourceSample | undefined;
  /** Undefined: to be put together. */
  #view: View | undefined;

  constructor({ variants, startedAt, staleAfterMs = WORKER_GONE_AFTER_MS, tierWeights = QUEUE_RULES.tierWeights, answerMarginMs: marginMs = answerMarginMs() }: ClusterOptions) {
    this.#answerMarginMs = marginMs;
    this.#variants = variants.filter(({ status }) => status !== 'retired');
    this.#startedAt = startedAt;
    this.#staleAfterMs = staleAfterMs;
    this.#forecaster = new Forecaster(this.#outstanding, this.#ways, tierWeights, this.#names);
    this.#intake = new LossControls((tier) => this.#forecaster.weightOf(this.#forecaster.tierOf(tier)));
  }

  /** A telemetry record's value; null is the tombstone of a worker that left. Anything unreadable is ignored. */
  heard(instance: string | null, value: Buffer | null, now: number): void {
    if (instance === null) return;
    if (value === null) {
      this.#heard.delete(instance);
      this.#changed();
      this.#forecaster.heard(this.#live(now));
      return;
    }
    const heartbeat = readHeartbeat(value);
    if (heartbeat !== undefined) this.beat({ ...heartbeat, instance }, now);
  }

  /** A heartbeat that has been read. */
  beat(heartbeat: Heartbeat, now: number): void {
    this.#heard.set(heartbeat.instance, { heartbeat, at: now });
    this.#changed();
    for (const variant of heartbeat.variants) {
      this.#everServed.add(nameOf(variant));
      this.#probed.delete(nameOf(variant));
    }
    this.#forecaster.heard(this.#live(now));
    this.#outstanding.forgetOld(now);
  }

  /** The scheduler's own machine, for as long as no worker has reported. */
  measured(sample: ResourceSample): void {
    this.#own = sample;
  }

  /** A step has been given to the workers. */
  dispatched(step: Omit<Dispatched, 'place'> & { model: string; precision: string; pool?: string | undefined; key?: string }): void {
    const tier = this.#forecaster.tierOf(step.tier);
    const { requestId, step: id, lane, dispatchedAt, forecast, model, precision, pool } = step;
    const place = this.#names.of(model, precision, pool);
    this.#outstanding.add({ requestId, step: id, lane, dispatchedAt, forecast, tier, place });
    if (lane !== 'bulk') this.#lastOf(tier).set(model, precision);
    if (step.key !== undefined && this.#forecaster.missMs(place) > 0) this.#prefixes.used(model, step.key, precision, dispatchedAt);
    this.#probed.add(pool === undefined ? place : this.#names.of(model, precision, undefined));
  }

  /** Whether a request of a partition is refused at once, since too many of those that were let in are lost in spite of what was expected. */
  refuses(task: Task, partition: number, now: number): boolean {
    return this.#intake.refuses(task, partition, now);
  }

  /** A step of a request that was let in has ended so, or will have no result. */
  ended(outcome: Returned, partition: number, now: number): void {
    const { kind, task } = outcome;
    if (task !== undefined && (kind === 'completed' || kind === 'expired')) this.#intake.ended(task, partition, this.#isLost(outcome, now), now);
  }

  /** A step of this model was refused, since it would have been late. */
  shed(model: string, now: number): void {
    this.#forecaster.shed(model, now);
  }

  /** A step's outcome, or that its worker will not run it. Undefined: nothing was expected of it here, or it took no batch. */
  returned(outcome: Returned, now: number): CameTrue | undefined {
    const dispatched = this.#outstanding.take(outcome);
    if (dispatched?.forecast === undefined || dispatched.lane === 'bulk') return undefined;
    const { forecast, dispatchedAt, place, tier } = dispatched;
    if (this.#isLost(outcome, now)) this.#ways.of(tier).lost(now);
    const run = outcome.kind === 'completed' ? (outcome as StepOutcome & { kind: 'completed' }).run : undefined;
    if (run === undefined || run.cached === true) return undefined;
    const actualMs = now - dispatchedAt;
    const expectedMs = expectedMsOf(forecast);
    const returnMs = Math.max(0, actualMs - run.queueMs - run.computeMs);
    // How long a variant takes to load says nothing of the way there.
    const queueMs = Math.max(0, run.queueMs - (forecast.reloadMs ?? 0));
    this.#ways.of(tier).cameBack({ backlogMs: forecast.backlogMs, queueMs, returnMs, expectedMs, actualMs }, now);
    const at = place.indexOf('@');
    const joules = joulesOf(forecast, run);
    const came: CameTrue = { variant: at === -1 ? place : place.slice(0, at), expectedMs, actualMs };
    if (joules !== undefined) came.joules = joules;
    return came;
  }

  /** By when a worker has to be through with a step that is given to it now, epoch ms; undefined: its request has no deadline. */
  dueAt(task: Pick<Task, 'deadlineAt' | 'tier'>, now: number): number | undefined {
    if (task.deadlineAt === null) return undefined;
    return dueAt(closesAt(task, this.#answerMarginMs), this.#ways.of(this.#forecaster.tierOf(task.tier)).usualBackMs(now), now);
  }

  /** After a rebalance others count what we dispatched. */
  forgetOutstanding(): void {
    this.#outstanding.clear();
  }

  state(now: number): ClusterState {
    this.#live(now);
    const { live, pools, resources, sessions } = this.#viewed();
    return {
      resources: resources ?? this.#own,
      answerMarginMs: this.#answerMarginMs,
      settled: now - this.#startedAt > this.#staleAfterMs,
      lastPrecision: (model, tier) => this.#lastOf(this.#forecaster.tierOf(tier)).get(model),
      forecast: (state, tier, key) => this.#forecast(state, tier, key, now),
      sessionsOf: (pool) => sessions.get(pool) ?? 0,
      variantsOf: (model) => this.#statesOf(this.#reportsOf(model, pools, live)),
    };
  }

  /** A switch of precision loses the user's prefix: the price is what building it anew costs. */
  #forecast({ variant: { model, precision }, pool }: VariantState, tier: string, key: string | undefined, now: number): Forecast | undefined {
    const place = this.#names.of(model, precision, pool);
    const forecast = this.#forecaster.forecast(place, tier, now);
    if (forecast === undefined || key === undefined) return forecast;
    const missMs = this.#forecaster.missMs(place);
    if (missMs === 0 || !this.#prefixes.isElsewhere(model, key, precision, now)) return forecast;
    const { computeMs, costMs, soonestMs, joules } = forecast;
    const dearer = joules === undefined || costMs === 0 ? {} : { joules: (joules * (costMs + missMs)) / costMs };
    return { ...forecast, computeMs: computeMs + missMs, costMs: costMs + missMs, soonestMs: soonestMs + missMs, ...dearer };
  }

  /** Where work may be waiting now: each variant and pool that is served, once. */
  served(now: number): ServedPool[] {
    const pools = new Map<string, ServedPool>();
    for (const { pool, variants } of this.#live(now)) {
      for (const { model, precision } of variants) pools.set(`${nameOf({ model, precision })} ${pool ?? ''}`, { model, precision, pool });
    }
    return [...pools.values()];
  }

  /** It was given out in vain: it expired at the workers, or has come back too late. */
  #isLost({ kind, task }: Returned, now: number): boolean {
    return kind === 'expired' || (kind === 'completed' && task !== undefined && now > closesAt(task, this.#answerMarginMs));
  }

  #live(now: number): readonly Heartbeat[] {
    let gone = false;
    for (const [instance, { at }] of this.#heard) {
      if (now - at > this.#staleAfterMs) gone = this.#heard.delete(instance) || gone;
    }
    if (gone) {
      this.#changed();
      this.#forecaster.heard(this.#viewed().live);
    }
    return this.#viewed().live;
  }

  #viewed(): View {
    return (this.#view ??= viewOf([...this.#heard.values()].map(({ heartbeat }) => heartbeat)));
  }

  /** Heartbeats have come or workers have gone. */
  #changed(): void {
    this.#view = undefined;
    this.#reports.clear();
  }

  /** What heartbeats say, read once for all decisions until the next one. */
  #reportsOf(model: string, pools: readonly (string | undefined)[], live: readonly Heartbeat[]): Reports {
    const known = this.#reports.get(model);
    if (known !== undefined) return known;
    const all = this.#variants.filter((variant) => variant.model === model).flatMap((variant) => pools.map((pool) => this.#reportOf(variant, pool, live)));
    const reports = { all, states: all.map(({ state }) => state) };
    this.#reports.set(model, reports);
    return reports;
  }

  #reportOf(variant: Variant, pool: string | undefined, live: readonly Heartbeat[]): Report {
    const name = nameOf(variant);
    const loads = live.flatMap((heartbeat) => (heartbeat.pool === pool ? heartbeat.variants.filter((load) => nameOf(load) === name) : []));
    const breakers = (state: string) => loads.filter(({ breaker = 'closed' }) => breaker === state).length;
    const known = loads.filter(({ meanBatchMs }) => meanBatchMs > 0);
    const place = this.#names.of(variant.model, variant.precision, pool);
    const batchTimes = this.#forecaster.curveOf(place);
    return {
      name,
      counts: this.#outstanding.at(place),
      state: {
        variant,
        ...(pool === undefined ? {} : { pool }),
        workers: breakers('closed'),
        sessions: sessionsOf(live.filter((heartbeat) => heartbeat.pool === pool), (load) => nameOf(load) === name),
        halfOpen: breakers('half_open'),
        takenOut: breakers('open'),
        queued: sum(loads, ({ queued }) => queued),
        meanBatchMs: known.length === 0 ? 0 : sum(known, ({ meanBatchMs }) => meanBatchMs) / known.length,
        ...(batchTimes.length === 0 ? {} : { batchTimes }),
        versions: [...new Set(loads.map(({ version }) => version))],
        everServed: this.#everServed.has(name),
        probeDue: false,
        outstanding: 0,
      },
    };
  }

  #statesOf({ all, states }: Reports): readonly VariantState[] {
    for (const { name, counts, state } of all) {
      state.probeDue = state.halfOpen > 0 && !this.#probed.has(name);
      state.outstanding = counts.total;
    }
    return states;
  }

  #lastOf(tier: string): Map<string, string> {
    const known = this.#last.get(tier);
    if (known !== undefined) return known;
    const precisions = new Map<string, string>();
    this.#last.set(tier, precisions);
    return precisions;
  }
}

function viewOf(live: readonly Heartbeat[]): View {
  const pools = [undefined, ...new Set(live.flatMap(({ pool }) => pool ?? []))];
  const sessions = new Map(pools.map((pool) => [pool, sessionsOf(live.filter((heartbeat) => heartbeat.pool === pool), () => true)]));
  return { live, pools, sessions, resources: busiest(live.map(({ resources }) => resources)) };
}

/** Of the workers that serve, and have not taken out, something of that kind. */
function sessionsOf(live: readonly Heartbeat[], isOfThem: (load: VariantLoad) => boolean): number {
  const serving = live.filter(({ variants }) => variants.some((load) => (load.breaker ?? 'closed') === 'closed' && isOfThem(load)));
  return serving.reduce((total, { sessions = 1 }) => total + sessions, 0);
}

/** Watts of a session, times what the step's share of its batch took of one. */
function joulesOf({ joules, costMs }: Forecast, { computeMs, batchSize }: StepRun): number | undefined {
  return joules === undefined || costMs === 0 || batchSize === 0 ? undefined : ((joules / costMs) * computeMs) / batchSize;
}

function sum(loads: readonly VariantLoad[], of: (load: VariantLoad) => number): number {
  return loads.reduce((total, load) => total + of(load), 0);
}

/** The policies' rules ask whether the machines are busy: the busiest one answers. */
function busiest(samples: readonly ResourceSample[]): ResourceSample | undefined {
  const use = ({ accelerator, cpuUse }: ResourceSample) => accelerator?.use ?? cpuUse ?? 0;
  return samples.reduce<ResourceSample | undefined>(
    (most, sample) => (most === undefined || use(sample) > use(most) ? sample : most),
    undefined,
  );
}
