import type { Heartbeat, StepOutcome, Task } from '@tandem/schemas';
import type { Random } from '@tandem/shared/clock';
import { Join, PlaceNames, type Verdict } from '@tandem/shared/core';
import { seededRandom } from '@tandem/shared/random';
import type { HopTime, HopTimes } from '../model/hop-times.ts';
import { SharedCpu } from '../model/shared-cpu.ts';
import { Station } from '../model/station.ts';
import type { ClusterSpec, SimulationSpec, TrafficSpec, WorkerSpec } from '../spec.ts';
import type { Tally } from '../tally.ts';
import type { EventLoop, Handler } from '../time/event-loop.ts';
import { Deadlines } from './deadlines.ts';
import { FaultPlan } from './faults.ts';
import type { SimRequest, SimWork } from './sim-request.ts';
import { SimScheduler } from './sim-scheduler.ts';
import { boundedRules, SimSupervisor, type ScalingFigures } from './sim-supervisor.ts';
import { SimWorker } from './sim-worker.ts';
import { TrafficSource } from './traffic-source.ts';
import { WorkLog } from './work-log.ts';

const HEARTBEAT_MS = 500;
const DETECTION_MS = 10_000;
const MEMBER_HEARTBEAT_MS = 500;
const MEMORY_FREE_BYTES = 16e9;
/** From the answer to what its sender does next. */
const ACTS_AFTER_MS = 1_000;

/** Requests of one kind, as they come. */
interface Traffic {
  source: TrafficSource;
  deadlines: Deadlines;
  /** The next one, ms. */
  dueAt: number;
}

interface Scheduling {
  decides: SimScheduler;
  station: Station;
}

/** All stages and what is between them, in virtual time. */
export class Flow {
  readonly workers: readonly SimWorker[];
  readonly #spec: SimulationSpec;
  readonly #loop: EventLoop;
  readonly #tally: Tally;
  readonly #faults: FaultPlan;
  readonly #hops: Random;
  readonly #hopTimes: HopTimes;
  readonly #confidence: Random;
  readonly #acts: Random;
  readonly #losses: Random;
  readonly #names = new PlaceNames();
  readonly #machines = new Map<string, SharedCpu>();
  readonly #classifier: Station;
  readonly #fusion: Station;
  readonly #schedulers: readonly Scheduling[];
  /** By partition. */
  readonly #schedulerOf: readonly Scheduling[];
  readonly #log: WorkLog;
  /** Undefined: all workers are there from the start, and stay. */
  readonly #supervisor: SimSupervisor | undefined;
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
    this.#hopTimes = cluster.hops;
    this.#confidence = seededRandom(seed, 'confidence');
    this.#acts = seededRandom(seed, 'acts');
    this.#losses = seededRandom(seed, 'losses');
    const edge = cluster.edgeMachine === undefined ? undefined : this.#machine(cluster.edgeMachine);
    const station = (costMs = 0) => new Station(costMs, edge);
    this.#classifier = station(cluster.stages?.classifier);
    this.#fusion = station(cluster.stages?.fusion);
    this.#schedulers = Array.from({ length: cluster.schedulers ?? 1 }, () => ({
      station: station(cluster.stages?.scheduler),
      decides: new SimScheduler({
        policy, variants: cluster.variants, names: this.#names, answerMarginMs: this.#marginMs,
        dispatch: (work, now) => this.#dispatch(work, now),
        end: (request, outcome, now) => this.#outcome(request, outcome, now, this.#hopTimes.tasks),
      }),
    }));
    const { length } = this.#schedulers;
    // Tasks and outcomes of a partition go to one of them: who decided a step hears what became of it.
    this.#schedulerOf = Array.from({ length: cluster.partitions }, (_, partition) => this.#schedulers[Math.floor((partition * length) / cluster.partitions)]!);
    const fewest = cluster.scaling === undefined ? cluster.workers.length : boundedRules(cluster.scaling, cluster.workers.length).min!;
    this.workers = cluster.workers.map((one, index) => this.#worker(one, cluster, { index, alive: index < fewest }));
    this.#log = new WorkLog(this.workers.filter(({ alive }) => alive), cluster.partitions);
    this.#supervisor = this.#supervisorOf(cluster);
  }

  /** Undefined: nothing is scaled. */
  get scaling(): ScalingFigures | undefined {
    return this.#supervisor?.figures;
  }

  #supervisorOf({ scaling }: ClusterSpec): SimSupervisor | undefined {
    if (scaling === undefined) return undefined;
    return new SimSupervisor({
      scaling, workers: this.workers, loop: this.#loop, random: seededRandom(this.#spec.seed, 'starts'), isOver: (now) => this.#isOver(now),
      join: (worker, now) => this.#rebalance(now, this.#returned, worker),
      drain: (worker, now) => {
        worker.draining = true;
        this.#rebalance(now, this.#isGivenUp, worker);
      },
    });
  }

  /** Begins: heartbeats, arrivals and faults. */
  start(): void {
    const { traffic, seed, cluster: { partitions } } = this.#spec;
    this.#beat(undefined, undefined, 0);
    this.#supervisor?.start();
    const due = (request: SimRequest) => this.#deadline(request, undefined, this.#loop.now());
    traffic.forEach((one, index) => this.#arrive({ source: new TrafficSource(one, { seed, index, partitions }), deadlines: new Deadlines(this.#loop, this.#marginMs, due), dueAt: 0 }));
    for (const { instance, atSeconds, returnsAfterSeconds } of this.#faults.losses) this.#lose(instance, atSeconds * 1_000, returnsAfterSeconds);
  }

  #worker(spec: WorkerSpec, { variants, batching = {}, stages, machines }: ClusterSpec, { index, alive }: { index: number; alive: boolean }): SimWorker {
    const { cores = Infinity, memoryFreeBytes = MEMORY_FREE_BYTES } = machines?.[spec.machine] ?? {};
    return new SimWorker({
      spec, alive, variants, names: this.#names, batching, memoryFreeBytes, cores: Number.isFinite(cores) ? cores : spec.sessions, loop: this.#loop, cpu: this.#machine(spec.machine),
      recordMs: stages?.worker ?? 0, faults: this.#faults, random: seededRandom(this.#spec.seed, `worker ${index}`),
      confidence: ({ request }) => request.traffic.confidence?.(this.#confidence),
      sink: {
        completed: (work, { size, computeMs }, result, now) => {
          const { request: { task }, step, previous, model, precision, reason, dispatchedAt } = work;
          const run = { model, precision, version: '', batchSize: size, queueMs: now - computeMs - dispatchedAt, computeMs, reason };
          this.#outcome(work.request, { requestId: task.requestId, step: step.id, task, previous, kind: 'completed', run, result }, now, this.#hopTimes.outcomes);
        },
        expired: (work, now) => this.#outcome(work.request, { ...commonOf(work), kind: 'expired', model: work.model, precision: work.precision }, now, this.#hopTimes.outcomes),
        failed: (work, now) => this.#outcome(work.request, { ...commonOf(work), kind: 'failed', code: 'step_failed', message: 'simulated', model: work.model, precision: work.precision }, now, this.#hopTimes.outcomes),
        refused: (work, now) => this.#after(this.#hopTimes.outcomes, now, this.#refusalCame, work, undefined),
      },
    });
  }

  #machine(name: string): SharedCpu {
    const known = this.#machines.get(name);
    if (known !== undefined) return known;
    const { cores = Infinity, background } = this.#spec.cluster.machines?.[name] ?? {};
    const cpu = new SharedCpu(this.#loop, cores, background, Number.isFinite(cores) ? cores : this.#sessionsOn(name));
    this.#machines.set(name, cpu);
    return cpu;
  }

  /** By which the use of a machine is told that has cores for all: one for each session, and one for its stages. */
  #sessionsOn(name: string): number {
    return Math.max(1, this.#spec.cluster.workers.filter(({ machine }) => machine === name).reduce((sum, { sessions }) => sum + sessions, 0)) + 1;
  }

  #arrive(kind: Traffic): void {
    kind.dueAt = kind.source.arrivals.next();
    if (kind.dueAt < this.#spec.seconds * 1_000) this.#loop.at(kind.dueAt, this.#arrived, kind, undefined);
  }

  readonly #arrived = (kind: Traffic): void => {
    const { source, deadlines, dueAt } = kind;
    const arrivedAt = this.#hopTimes.send === undefined ? dueAt : this.#arrival(this.#hopTimes.send, dueAt);
    const request = source.next(dueAt, arrivedAt);
    this.#tally.offered(request);
    deadlines.add(request);
    const at = this.#arrival(this.#hopTimes.requests, arrivedAt);
    if (at === dueAt) this.#requestCame(request, undefined, dueAt);
    else this.#loop.at(at, this.#requestCame, request, undefined);
    this.#arrive(kind);
  };

  readonly #requestCame = (request: SimRequest, _: undefined, now: number): void => {
    this.#serve(this.#classifier, now, this.#sensed, request, undefined);
  };

  /** The task goes to the scheduler, and to fusion, which guards the deadline. */
  readonly #sensed = (request: SimRequest, _: undefined, now: number): void => {
    request.join = new Join(request.task);
    request.isSensed = true;
    const { deadlineAt } = request.task;
    if (deadlineAt !== null && deadlineAt - this.#marginMs <= now) this.#loop.at(now, this.#deadline, request, undefined);
    this.#after(this.#hopTimes.tasks, now, this.#taskCame, request, undefined);
  };

  readonly #taskCame = (request: SimRequest, _: undefined, now: number): void => {
    this.#serve(this.#schedulerOf[request.partition]!.station, now, this.#begin, request, undefined);
  };

  readonly #begin = (request: SimRequest, _: undefined, now: number): void => this.#schedulerOf[request.partition]!.decides.begin(request, now);

  readonly #refusalCame = (work: SimWork, _: undefined, now: number): void => {
    this.#serve(this.#schedulerOf[work.request.partition]!.station, now, this.#redispatch, work, undefined);
  };

  readonly #redispatch = (work: SimWork, _: undefined, now: number): void => this.#schedulerOf[work.request.partition]!.decides.redispatch(work, now);

  #dispatch(work: SimWork, now: number): void {
    this.#loop.at(this.#arrival(this.#hopTimes.work, now), this.#workCame, work, undefined);
  }

  readonly #workCame = (work: SimWork, _: undefined, now: number): void => this.#log.append(work, now);

  #outcome(request: SimRequest, outcome: StepOutcome, now: number, hop: HopTime): void {
    this.#loop.at(this.#arrival(hop, now), this.#outcomeCame, request, outcome);
  }

  /** Fusion and scheduler both read it. */
  readonly #outcomeCame = (request: SimRequest, outcome: StepOutcome, now: number): void => {
    if (outcome.kind === 'completed') this.#tally.ran(request);
    this.#join(request, outcome, now);
    this.#serve(this.#schedulerOf[request.partition]!.station, now, this.#goOn, request, outcome);
  };

  readonly #goOn = (request: SimRequest, outcome: StepOutcome, now: number): void => this.#schedulerOf[request.partition]!.decides.goOn(request, outcome, now);

  #join(request: SimRequest, outcome: StepOutcome, now: number): void {
    const { join } = request;
    if (request.answered || join === undefined) return;
    join.add(outcome);
    if (join.complete) this.#serve(this.#fusion, now, this.#answer, request, undefined);
  }

  readonly #deadline = (request: SimRequest, _: undefined, now: number): void => {
    if (!request.answered) this.#answer(request, undefined, now);
  };

  readonly #answer = (request: SimRequest, _: undefined, now: number): void => {
    if (request.answered) return;
    request.answered = true;
    const verdict = request.join!.verdict();
    if (request.traffic.isRight !== undefined) this.#judge(request, request.traffic.isRight, verdict, now);
    request.join = undefined;
    this.#tally.answered(request, verdict, this.#arrival(this.#hopTimes.responses, now));
  };

  /** The sender acts on what it got. */
  #judge({ task }: SimRequest, isRight: NonNullable<TrafficSpec['isRight']>, { status, steps }: Verdict, now: number): void {
    const last = steps.findLast(({ batchSize }) => batchSize > 0);
    if (status === 'failed' || last === undefined) return;
    const right = isRight(`${last.model}.${last.precision}`, task, this.#acts);
    this.#loop.at(now + ACTS_AFTER_MS, this.#judged, task, right);
  }

  readonly #judged = ({ requestId }: Task, right: boolean, now: number): void => this.#spec.policy.judged?.(requestId, right, now);

  /** Behind a way through the log, which may take no time at all. */
  #after<First, Second>(hop: HopTime, now: number, then: Handler<First, Second>, first: First, second: Second): void {
    const at = this.#arrival(hop, now);
    if (at === now) then(first, second, now);
    else this.#loop.at(at, then, first, second);
  }

  #serve<First, Second>(station: Station, now: number, then: Handler<First, Second>, first: First, second: Second): void {
    const done = station.serve(now);
    if (done === now) then(first, second, now);
    else this.#loop.at(done, then, first, second);
  }

  #arrival(hop: HopTime, now: number): number {
    return this.#faults.arrival(now, now + hop(this.#hops, now));
  }

  readonly #beat = (_first: undefined, _second: undefined, now: number): void => {
    for (const worker of this.workers) {
      if (!worker.alive) continue;
      if (worker.draining && worker.idle && !this.#log.isOwner(worker)) this.#end(worker, now);
      else this.#tell(worker.heartbeat(now), now);
    }
    if (this.#supervisor !== undefined) for (const [index, { decides }] of this.#schedulers.entries()) this.#supervisor.report(decides.report(`scheduler-${index}`, now), now);
    if (!this.#isOver(now)) this.#loop.at(now + HEARTBEAT_MS, this.#beat, undefined, undefined);
  };

  #tell(heartbeat: Heartbeat, now: number): void {
    for (const { decides } of this.#schedulers) decides.heard(heartbeat, now);
    this.#supervisor?.beat(heartbeat, now);
  }

  /** It has answered what it had, and says goodbye. */
  #end(worker: SimWorker, now: number): void {
    worker.alive = worker.draining = false;
    for (const { decides } of this.#schedulers) decides.left(worker.spec.instance, now);
    this.#supervisor?.left(worker);
  }

  #isOver(now: number): boolean {
    return now > this.#spec.seconds * 1_000 && this.#tally.unanswered === 0;
  }

  #lose(instance: string, atMs: number, returnsAfterSeconds: number | undefined): void {
    const worker = this.workers.find(({ spec }) => spec.instance === instance);
    if (worker === undefined) throw new RangeError(`there is no worker ${instance} to lose`);
    if (!worker.alive) throw new RangeError(`${instance} comes and goes with the load: only one that is always there can be lost`);
    const givenUpAt = this.#givenUpAt(atMs);
    this.#loop.at(atMs, this.#died, worker, undefined);
    this.#rebalance(givenUpAt, this.#isGivenUp, worker);
    // The group takes nobody in before it has given up the dead.
    if (returnsAfterSeconds !== undefined) this.#rebalance(Math.max(givenUpAt, atMs + returnsAfterSeconds * 1_000), this.#returned, worker);
  }

  /** Until all have joined anew, nobody is given any work. */
  #rebalance(atMs: number, then: Handler<SimWorker, undefined>, worker: SimWorker): void {
    this.#loop.at(atMs, this.#suspended, worker, then);
  }

  readonly #suspended = (worker: SimWorker, then: Handler<SimWorker, undefined>, now: number): void => {
    this.#log.suspend();
    const waitMs = this.#spec.cluster.rebalanceMs?.(this.#losses) ?? 0;
    if (waitMs === 0) this.#joined(worker, then, now);
    else this.#loop.at(now + waitMs, this.#joined, worker, then);
  };

  readonly #joined = (worker: SimWorker, then: Handler<SimWorker, undefined>, now: number): void => {
    this.#log.goOn();
    then(worker, undefined, now);
  };

  /** The timeout runs from the last heartbeat of the dead; the survivors hear of it with the answer to their next one. */
  #givenUpAt(diedAt: number): number {
    const { detectionMs = DETECTION_MS, memberHeartbeatMs = MEMBER_HEARTBEAT_MS } = this.#spec.cluster;
    const sinceLast = this.#losses() * memberHeartbeatMs;
    return Math.max(diedAt, diedAt - sinceLast + detectionMs) + this.#losses() * memberHeartbeatMs;
  }

  readonly #died = (worker: SimWorker): void => this.#log.putBack(worker, worker.die());

  readonly #isGivenUp = (worker: SimWorker, _: undefined, now: number): void => this.#log.leave(worker, now);

  readonly #returned = (worker: SimWorker, _: undefined, now: number): void => {
    // It is not wanted any more.
    if (worker.draining) return void (worker.draining = false);
    worker.comeBack();
    this.#log.join(worker, now);
  };
}

function commonOf({ request, step, previous }: SimWork): Pick<StepOutcome, 'requestId' | 'step' | 'task' | 'previous'> {
  return { requestId: request.task.requestId, step: step.id, task: request.task, previous };
}
