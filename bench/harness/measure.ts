import type { Judged, RunFigures, Gains } from './judge.ts';
import { burst } from './arrivals.ts';
import type { Contender, RunningContender } from './contender.ts';
import type { Replay } from './dataset.ts';
import { searchGoodput, type SearchResult } from './goodput-search.ts';
import { HttpLoad } from './http-load.ts';
import { LoadGenerator } from './load-generator.ts';
import type { Load, Offer } from './open-loop.ts';
import { cpuSecondsOf, treeOf } from './process-tree.ts';
import { poissonArrivals, seededRandom, type Arrivals } from '@tandem/shared/random';
import type { Stand } from './stand.ts';
import type { Traffic } from './traffic.ts';

/** How long and how finely is measured. */
export interface Effort {
  /** Of steady load, after the first bursts and before anything is measured. */
  warmSeconds: number;
  /** Of the search's runs. */
  probeSeconds: number;
  refinements: number;
  maxProbes: number;
  /** A rate that fails narrowly counts as failed once it has failed so often. */
  tries: number;
  /** At half of the goodput. */
  steadySeconds: number;
  /** The steady run goes on until so many requests have been sent, at most three times as long. */
  judgedRequests: number;
}

export interface MeasureOptions {
  stand: Stand;
  replay: Replay;
  /** Answers count within it. */
  sloMs: number;
  /** What requests say, so that there is time for the way back. */
  deadlineMs: number;
  seed: number;
  effort: Effort;
}

/** CPU-seconds of a steady run. */
export interface CpuFigures {
  contender: number;
  broker: number;
  loadGenerator: number;
}

export interface Measured {
  search: SearchResult<RunFigures>;
  /** At half of the goodput. */
  steady: RunFigures;
  cpuSecondsPer1000: CpuFigures;
  gains: Gains;
}

const START_PATIENCE_MS = 180_000;
const COMPLETE = /"status":\s*"complete"/;
const FIRST_GAP_MS = 250;
const FIRST_DEADLINE_MS = 5_000;
const WARM_UP_REQUESTS = 100;
const MAX_WARM_UP_MS = 15_000;
/** A burst that is so much faster than all before it says that it is still getting warm. */
const WARMING = 1.1;
const CALM_BURSTS = 2;
const DRAIN_DEADLINE_MS = 600_000;
/** A burst's throughput is below the capacity: nothing runs while the first ones come in. */
const START_SHARE = 0.8;
/** Of what a burst reached: about where latencies are looked at. */
const WARM_SHARE = 0.6;
const LEAST_RATE = 20;
/** At the steady rate, before what is judged: the search ends in an overload, and a flow that still gives up work because of it answers the first tenth of a second worse. What a slow contender answers is in that tenth. */
const LEAD_IN_SECONDS = 2;

/** A contender that has been started and has answered, with load of its own. */
export class Session implements AsyncDisposable {
  readonly contender: RunningContender;
  readonly #options: MeasureOptions;
  readonly #task: Contender['task'];
  readonly #generator: Load;
  /** Of all its topics. */
  readonly prefix: string;
  readonly #dispose: () => Promise<void>;
  readonly #judged: Traffic;
  readonly #load: Traffic;
  /** When its processes were started, ms of `performance.now()`. */
  readonly startedAt: number;
  #runs = 0;

  private constructor(options: MeasureOptions, task: Contender['task'], contender: RunningContender, generator: Load, { startedAt, prefix }: { startedAt: number; prefix: string }, dispose: () => Promise<void>) {
    this.#options = options;
    this.startedAt = startedAt;
    this.prefix = prefix;
    this.#task = task;
    this.contender = contender;
    this.#generator = generator;
    this.#dispose = dispose;
    this.#judged = options.replay.judgedTraffic();
    this.#load = options.replay.loadTraffic();
  }

  /** Starts a contender on topics of its own. */
  static async open(contender: Contender, options: MeasureOptions): Promise<Session> {
    await using stack = new AsyncDisposableStack();
    const { stand, sloMs } = options;
    const place = await stand.newPlace();
    stack.defer(() => stand.clear(place));
    const overLog = contender.http === undefined ? stack.use(await LoadGenerator.open({ log: stand.log, prefix: place.prefix, sloMs })) : undefined;
    const startedAt = performance.now();
    const running = await contender.start(place);
    stack.defer(() => running.stop());
    const generator = overLog ?? stack.use(new HttpLoad(running.port ?? 0, contender.http!, sloMs));
    const owned = stack.move();
    return new Session(options, contender.task, running, generator, { startedAt, prefix: place.prefix }, () => owned.disposeAsync());
  }

  /**
   * Asks until there is a complete answer. What is asked before a contender knows its own processes may wait in vain.
   * @returns when it came, ms of `performance.now()`
   * @throws {Error} with what it printed, where none comes
   */
  async ready(): Promise<number> {
    let atMs: number | undefined;
    const until = (answer: Buffer): boolean => {
      if (COMPLETE.test(answer.toString('utf8'))) atMs ??= performance.now();
      return atMs !== undefined;
    };
    let asked = 0;
    const everySoOften = { next: () => (asked++) * FIRST_GAP_MS };
    await this.#offer({ arrivals: everySoOften, seconds: START_PATIENCE_MS / 1_000, deadlineMs: FIRST_DEADLINE_MS, quietMs: FIRST_GAP_MS, until });
    if (atMs === undefined) throw new Error(`no complete answer within ${START_PATIENCE_MS / 1_000} s: ${this.contender.output()}`);
    return atMs;
  }

  /**
   * Until caches, code and buffers are warm: bursts of about a second until one is hardly faster than the fastest before it, then steady
   * load, since what runs then is other code than a burst's, in other batches: twelve seconds after its start a flow was in time with
   * .97 of 900 requests/s where it had been with .15 to .65 in the first six.
   * @returns requests per second of the fastest burst
   */
  async warmUp(): Promise<number> {
    const until = performance.now() + MAX_WARM_UP_MS;
    let fastest = await this.drain(WARM_UP_REQUESTS);
    for (let calm = 0; calm < CALM_BURSTS && performance.now() < until;) {
      const rate = await this.drain(Math.max(WARM_UP_REQUESTS, Math.round(fastest)));
      calm = rate > fastest * WARMING ? 0 : calm + 1;
      fastest = Math.max(fastest, rate);
    }
    await this.at(WARM_SHARE * fastest, this.#options.effort.warmSeconds);
    return fastest;
  }

  /** So many requests at once, with time enough for all. @returns answers per second, from the first request to the last answer */
  async drain(count: number): Promise<number> {
    const startedAt = performance.now();
    const { figures } = await this.#offer({ arrivals: burst, seconds: Infinity, count, deadlineMs: DRAIN_DEADLINE_MS, quietMs: 3_000, patienceMs: DRAIN_DEADLINE_MS });
    return (figures.answered * 1_000) / (performance.now() - startedAt);
  }

  /** What its processes hold in memory, bytes. */
  residentBytes(): number {
    return treeOf(this.contender.pids).reduce((sum, { residentBytes }) => sum + residentBytes, 0);
  }

  /** Open loop at a rate. */
  async at(rate: number, seconds: number, over: Partial<Offer> = {}): Promise<Judged> {
    return this.#offer({ arrivals: this.#poisson(rate), seconds, ...over });
  }

  async search(startRate: number): Promise<SearchResult<RunFigures>> {
    const { probeSeconds, refinements, maxProbes, tries } = this.#options.effort;
    const probe = async (rate: number) => (await this.at(rate, probeSeconds)).figures;
    return searchGoodput(probe, { startRate: Math.max(LEAST_RATE, startRate), refinements, maxProbes, tries });
  }

  /** Judged events at a rate, with the CPU time that they cost everybody. */
  async steady(rate: number): Promise<Pick<Measured, 'steady' | 'cpuSecondsPer1000' | 'gains'>> {
    const { steadySeconds, judgedRequests } = this.#options.effort;
    const seconds = Math.min(3 * steadySeconds, Math.max(steadySeconds, judgedRequests / rate));
    await this.at(rate, LEAD_IN_SECONDS);
    const before = this.#cpu();
    const { figures, gains } = await this.at(rate, seconds, { traffic: this.#judged });
    const after = this.#cpu();
    const per1000 = (name: keyof CpuFigures) => ((after[name] - before[name]) * 1_000) / figures.offered;
    return { steady: figures, gains, cpuSecondsPer1000: { contender: per1000('contender'), broker: per1000('broker'), loadGenerator: per1000('loadGenerator') } };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#dispose();
  }

  #offer(offer: Partial<Offer> & { arrivals: Arrivals; seconds: number }): Promise<Judged> {
    return this.#generator.offer({ traffic: this.#load, task: this.#task, deadlineMs: this.#options.deadlineMs, ...offer });
  }

  #poisson(rate: number): Arrivals {
    this.#runs += 1;
    return poissonArrivals(rate, seededRandom(this.#options.seed, `arrivals ${this.#runs}`));
  }

  #cpu(): CpuFigures {
    const { brokerPid } = this.#options.stand;
    const { user, system } = process.cpuUsage();
    return {
      contender: cpuSecondsOf(this.contender.pids),
      broker: brokerPid === undefined ? NaN : cpuSecondsOf([brokerPid]),
      loadGenerator: (user + system) / 1e6,
    };
  }
}

/** Everything about one contender: its goodput, and what half of that looks like. */
export async function measure(contender: Contender, options: MeasureOptions): Promise<Measured> {
  await using session = await Session.open(contender, options);
  await session.ready();
  const search = await session.search(START_SHARE * (await session.warmUp()));
  const steady = await session.steady(Math.max(LEAST_RATE, search.goodputPerSecond / 2));
  return { search, ...steady };
}
