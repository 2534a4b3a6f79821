import { AdmissionControl } from './admission-control.ts';
import type { AdmissionOptions } from './types.ts';

/** A flow whose workers get `capacityPerSecond` done and whose classifiers always have more to admit. */
export interface SimulatedFlow {
  classifiers: number;
  /** By time, ms from the start; of bulk work, all workers together. */
  capacityPerSecond: (atMs: number) => number;
  /** Steps that each request becomes. */
  stepsPerRequest: number;
  /** From admission to the workers. */
  transitMs: number;
  /** CPU use at a pace of completed work. */
  cpuUse: (donePerSecond: number) => number;
  options?: Partial<AdmissionOptions>;
}

export interface Moment {
  atMs: number;
  backlog: number;
  capacityPerSecond: number;
  donePerSecond: number;
  /** By classifier, requests per second. */
  admittedPerSecond: number[];
}

const STEP_MS = 20;
const HEARTBEAT_MS = 500;

/** What the controllers make of it, a moment for each heartbeat. */
export function simulate(flow: SimulatedFlow, durationMs: number): Moment[] {
  const controls = Array.from({ length: flow.classifiers }, () => ({ control: new AdmissionControl(flow.options), admitted: 0, rate: 0 }));
  const inTransit: { arrivesAt: number; steps: number }[] = [];
  const moments: Moment[] = [];
  let [backlog, completed, doneSinceBeat] = [0, 0, 0];
  for (let now = 0; now < durationMs; now += STEP_MS) {
    for (const each of controls) {
      each.rate = each.control.perSecond({ ofPartitions: 1 / flow.classifiers, admitted: each.admitted, loopUse: 0, lagMs: 0 }, now);
      const admitted = (each.rate * STEP_MS) / 1_000;
      each.admitted += admitted;
      inTransit.push({ arrivesAt: now + flow.transitMs, steps: admitted * flow.stepsPerRequest });
    }
    while ((inTransit[0]?.arrivesAt ?? Infinity) <= now) backlog += inTransit.shift()?.steps ?? 0;
    const done = Math.min(backlog, (flow.capacityPerSecond(now) * STEP_MS) / 1_000);
    backlog -= done;
    completed += done;
    doneSinceBeat += done;
    if (now % HEARTBEAT_MS !== 0 || now === 0) continue;
    const donePerSecond = (1_000 * doneSinceBeat) / HEARTBEAT_MS;
    doneSinceBeat = 0;
    const load = { model: 'm', precision: 'p', version: '1', queued: 0, running: 0, completed: Math.floor(completed) + now / 10, failed: 0, meanBatchSize: 1, meanBatchMs: 1 };
    const resources = { time: now, cpuCores: 1, memoryBytes: 1, memoryFreeBytes: 1, cpuUse: flow.cpuUse(donePerSecond) };
    const variants = [{ ...load, bulkBacklog: Math.round(backlog), bulkCompleted: Math.floor(completed) }];
    for (const { control } of controls) control.heard({ instance: 'worker', variants, resources }, now);
    moments.push({ atMs: now, backlog, capacityPerSecond: flow.capacityPerSecond(now), donePerSecond, admittedPerSecond: controls.map(({ rate }) => rate) });
  }
  return moments;
}
