import type { Variant } from '@tandem/schemas';
import { Flow } from './flow/flow.ts';
import type { SimulationSpec } from './spec.ts';
import { Tally, type SimulationFigures } from './tally.ts';
import { EventLoop } from './time/event-loop.ts';

/** After the last arrival everything is answered within this, ms: the longest detection of a loss, and some backlog. */
const SETTLE_MS = 600_000;

function accuracyShares(variants: readonly Variant[]): (name: string) => number {
  const best = Math.max(...variants.map(({ accuracy }) => accuracy.value));
  const shares = new Map(variants.map(({ model, precision, accuracy }) => [`${model}.${precision}`, accuracy.value / best]));
  return (name) => shares.get(name) ?? NaN;
}

/**
 * Runs requests through the flow in virtual time, by the same decisions that the stages make, and says what comes of them.
 * Deterministic: the same spec and seed give the same figures.
 * @param wallNow ms of any clock; only the simulator's own speed is taken with it
 * @throws {RangeError} for a spec that contradicts itself
 */
export function simulate(spec: SimulationSpec, wallNow: () => number = () => performance.now()): SimulationFigures {
  const startedAt = wallNow();
  const { seconds, warmUpSeconds = 0, cluster: { variants } } = spec;
  const loop = new EventLoop();
  const tally = new Tally(warmUpSeconds * 1_000, accuracyShares(variants));
  const flow = new Flow(spec, loop, tally);
  flow.start();
  loop.run(seconds * 1_000 + SETTLE_MS);
  const counted = tally.figures(seconds - warmUpSeconds);
  const busyMs = flow.workers.reduce((sum, one) => sum + one.busyMs, 0);
  return {
    ...counted,
    sessionSecondsPer1000: busyMs / tally.requests,
    utilisation: Object.fromEntries(flow.workers.map((one) => [one.spec.instance, one.busyMs / (Math.max(seconds * 1_000, one.lastEndMs) * one.spec.sessions)])),
    ...(flow.scaling === undefined ? {} : { scaling: flow.scaling }),
    simulated: { requests: tally.requests, events: loop.events, wallMs: wallNow() - startedAt },
  };
}
