import type { StepOutcome } from '@tandem/schemas';
import type { Random } from '@tandem/shared/clock';
import { Join, type Verdict } from '@tandem/shared/core';
import { seededRandom } from '@tandem/shared/random';
import type { Hop, HopTime } from '../model/hop-times.ts';
import { SharedCpu } from '../model/shared-cpu.ts';
import { Station } from '../model/station.ts';
import type { ClusterSpec, SimulationSpec, WorkerSpec } from '../spec.ts';
import type { Tally } from '../tally.ts';
import type { EventLoop } from '../time/event-loop.ts';
import { Deadlines } from './deadlines.ts';
import { FaultPlan } from './faults.ts';
import type { SimRequest, SimWork } from './sim-request.ts';
import { SimScheduler } from './sim-scheduler.ts';
import { SimWorker } from './sim-worker.ts';
import { TrafficSource } from './traffic-source.ts';
import { WorkTopics } from './work-topics.ts';

const HEARTBEAT_MS = 500;
const DETECTION_MS = 10_000;
const MEMORY_FREE_BYTES = 16e9;
/** From the answer to what its sender does next. */
const ACTS_AFTER_MS = 1_000;

/** All stages and what is between them, in virtual time. */
export class Flow {
  readonly workers: readonly SimWorker[];
  readonly #spec: SimulationSpec;
  readonly #loop: EventLoop;
  readonly #tally: Tally;
  readonly #faults: FaultPlan;
  readonly #hops: Random;
  readonly #confidence: Random;
  readonly #acts: Random;
  readonly #machines = new Map<string, SharedCpu>();
  readonly #classifier: Station;
  readonly #fusion: Station;
  readonly #schedulers: readonly { decides: SimScheduler; station: Station }[];
  readonly #topics: WorkTopics;
  /** Fusion answers so long before a deadline. */
  readonly #marginMs: number;

  constructor(spec: SimulationSpec, loop: EventLoop, tally: Tally) {
    const { cluster, policy, seed, faults = [] } = spec;
    this.#spec = spec;
    this.#loop = loop;
    this.#tally = tally;
    this.#faults = new FaultPlan(faults);
    this.#marginMs = cluster.deadlineMarginMs ?? 0;
    this.#hops = seededRandom(seed, 'hops');
    this.#confidence = seededRandom(seed, 'confidence');
    this.#acts = seededRandom(seed, 'acts');
    const edge = cluster.edgeMachine === undefined ? undefined : this.#machine(cluster.edgeMachine);
    const station = (costMs = 0) => new Station(costMs, edge);
    this.#classifier = station(cluster.stages?.classifier);
    this.#fusion = station(cluster.stages?.fusion);
    this.#schedulers = Array.from({ length: cluster.schedulers ?? 1 }, () => ({
      station: station(cluster.stages?.scheduler),
      decides: new SimScheduler({
        policy, variants: cluster.variants,
        dispatch: (work, now) => this.#dispatch(work, now),
        end: (request, outcome, now) => this.#outcome(request, outcome, now, cluster.hops.tasks),
      }),
    }));
    this.workers = cluster.workers.map((one, index) => this.#worker(one, cluster, index));
    this.#topics = new WorkTopics(this.workers, cluster.partitions);
  }

  /** Begins: heartbeats, arrivals and faults. */
  start(): void {
    const { traffic, seed, cluster: { partitions } } = this.#spec;
    this.#beat(0);
    traffic.forEach((one, index) => this.#arrive(new TrafficSource(one, { seed, index, partitions }), new Deadlines(this.#loop, this.#marginMs, (request) => this.#deadline(request))));
    for (const { instance, atSeconds, returnsAfterSeconds } of this.#faults.losses) this.#lose(instance, atSeconds * 1_000, returnsAfterSeconds);
  }

  #worker(spec: WorkerSpec, { variants, batching = {}, stages, machines }: ClusterSpec, index: number): SimWorker {
    const { cores = Infinity, memoryFreeBytes = MEMORY_FREE_BYTES } = machines?.[spec.machine] ?? {};
    return new SimWorker({
      spec, variants, batching, memoryFreeBytes, cores: Number.isFinite(cores) ? cores : spec.sessions, loop: this.#loop, cpu: this.#machine(spec.machine),
      recordMs: stages?.worker ?? 0, faults: this.#faults, random: seededRandom(this.#spec.seed, `worker ${index}`),
      confidence: ({ request }) => request.traffic.confidence?.(this.#confidence),
      sink: {
        completed: (work, { size, computeMs }, result, now) => {
          const { request: { task }, step, previous, model, precision, reason, dispatchedAt } = work;
          const run = { model, precision, version: '', batchSize: size, queueMs: now - computeMs - dispatchedAt, computeMs, reason };
          this.#ended(work, { requestId: task.requestId, step: step.id, task, previous, kind: 'completed', run, result }, now);
        },
        expired: (work, now) => this.#ended(work, { ...commonOf(work), kind: 'expired', model: work.model, precision: work.precision }, now),
        failed: (work, now) => this.#ended(work, { ...commonOf(work), kind: 'failed', code: 'step_failed', message: 'simulated', model: work.model, precision: work.precision }, now),
        refused: (work, now) => {
          const { station, decides } = this.#schedulerOf(work.request);
          this.#after('outcomes', now, station, (at) => decides.redispatch(work, at));
        },
      },
    });
  }

  /** Tasks and outcomes of a partition go to one of them: who decided a step hears what became of it. */
  #schedulerOf({ partition }: SimRequest): { decides: SimScheduler; station: Station } {
    return this.#schedulers[Math.floor((partition * this.#schedulers.length) / this.#spec.cluster.partitions)]!;
  }

  #machine(name: string): SharedCpu {
    const known = this.#machines.get(name);
    if (known !== undefined) return known;
    const { cores = Infinity, background = 0 } = this.#spec.cluster.machines?.[name] ?? {};
    const cpu = new SharedCpu(Number.isFinite(cores) ? cores : this.#sessionsOn(name), background);
    this.#machines.set(name, cpu);
    return cpu;
  }

  /** A machine of which nothing is said has a core for each session, and its stages have theirs. */
  #sessionsOn(name: string): number {
    return Math.max(1, this.#spec.cluster.workers.filter(({ machine }) => machine === name).reduce((sum, { sessions }) => sum + sessions, 0)) + 1;
  }

  #arrive(source: TrafficSource, deadlines: Deadlines): void {
    const dueAt = source.arrivals.next();
    if (dueAt >= this.#spec.seconds * 1_000) return;
    this.#loop.at(dueAt, () => {
      const request = source.next(dueAt, dueAt);
      this.#tally.offered(request);
      deadlines.add(request);
      this.#after('requests', dueAt, this.#classifier, (now) => this.#sensed(request, now));
      this.#arrive(source, deadlines);
    });
  }

  /** The task goes to the scheduler, and to fusion, which guards the deadline. */
  #sensed(request: SimRequest, now: number): void {
    request.join = new Join(request.task);
    request.isSensed = true;
    const { deadlineAt } = request.task;
    if (deadlineAt !== null && deadlineAt - this.#marginMs <= now) this.#loop.at(now, () => this.#deadline(request));
    const { station, decides } = this.#schedulerOf(request);
    this.#after('tasks', now, station, (at) => decides.begin(request, at));
  }

  #dispatch(work: SimWork, now: number): void {
    this.#loop.at(this.#arrival(this.#spec.cluster.hops.work, now), () => this.#topics.append(work, this.#loop.now()));
  }

  #ended(work: SimWork, outcome: StepOutcome, now: number): void {
    this.#outcome(work.request, outcome, now, this.#spec.cluster.hops.outcomes);
  }

  /** Fusion and scheduler both read it. */
  #outcome(request: SimRequest, outcome: StepOutcome, now: number, hop: HopTime): void {
    this.#loop.at(this.#arrival(hop, now), () => {
      const at = this.#loop.now();
      this.#join(request, outcome, at);
      const { station, decides } = this.#schedulerOf(request);
      this.#serve(station, at, (then) => decides.goOn(request, outcome, then));
    });
  }

  #join(request: SimRequest, outcome: StepOutcome, now: number): void {
    const { join } = request;
    if (request.answered || join === undefined) return;
    join.add(outcome);
    if (join.complete) this.#serve(this.#fusion, now, (at) => this.#answer(request, at));
  }

  #deadline(request: SimRequest): void {
    if (!request.answered) this.#answer(request, this.#loop.now());
  }

  #answer(request: SimRequest, now: number): void {
    if (request.answered) return;
    request.answered = true;
    const verdict = request.join!.verdict();
    this.#judge(request, verdict, now);
    request.join = undefined;
    this.#tally.answered(request, verdict, this.#arrival(this.#spec.cluster.hops.responses, now));
  }

  /** The sender acts on what it got. */
  #judge({ traffic: { isRight }, task }: SimRequest, { status, steps }: Verdict, now: number): void {
    const last = steps.findLast(({ batchSize }) => batchSize > 0);
    if (isRight === undefined || status === 'failed' || last === undefined) return;
    const right = isRight(`${last.model}.${last.precision}`, task, this.#acts);
    this.#loop.at(now + ACTS_AFTER_MS, () => this.#spec.policy.judged?.(task.requestId, right, this.#loop.now()));
  }

  #after(hop: Hop, now: number, station: Station, then: (now: number) => void): void {
    const at = this.#arrival(this.#spec.cluster.hops[hop], now);
    if (at === now) return this.#serve(station, now, then);
    this.#loop.at(at, () => this.#serve(station, this.#loop.now(), then));
  }

  #serve(station: Station, now: number, then: (now: number) => void): void {
    const done = station.serve(now);
    if (done === now) then(now);
    else this.#loop.at(done, () => then(done));
  }

  #arrival(hop: HopTime, now: number): number {
    return this.#faults.arrival(now, now + hop(this.#hops, now));
  }

  #beat(now: number): void {
    for (const worker of this.workers) {
      if (!worker.alive) continue;
      const heartbeat = worker.heartbeat(now);
      for (const { decides } of this.#schedulers) decides.heard(heartbeat, now);
    }
    const isOver = now > this.#spec.seconds * 1_000 && this.#tally.unanswered === 0;
    if (!isOver) this.#loop.at(now + HEARTBEAT_MS, () => this.#beat(now + HEARTBEAT_MS));
  }

  #lose(instance: string, atMs: number, returnsAfterSeconds: number | undefined): void {
    const worker = this.workers.find(({ spec }) => spec.instance === instance);
    if (worker === undefined) throw new RangeError(`there is no worker ${instance} to lose`);
    const { detectionMs = DETECTION_MS } = this.#spec.cluster;
    this.#loop.at(atMs, () => this.#topics.putBack(worker, worker.die()));
    this.#loop.at(atMs + detectionMs, () => this.#topics.leave(worker, this.#loop.now()));
    if (returnsAfterSeconds === undefined) return;
    // The group takes nobody in before it has given up the dead.
    this.#loop.at(atMs + Math.max(detectionMs, returnsAfterSeconds * 1_000), () => {
      worker.comeBack();
      this.#topics.join(worker, this.#loop.now());
    });
  }
}

function commonOf({ request, step, previous }: SimWork): Pick<StepOutcome, 'requestId' | 'step' | 'task' | 'previous'> {
  return { requestId: request.task.requestId, step: step.id, task: request.task, previous };
}
