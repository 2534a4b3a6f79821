import type { Heartbeat, VariantLoad, Workload } from '@tandem/schemas';
import { interactiveQueued } from '@tandem/shared/core';

/** Two heartbeats of one worker, the second the newest. */
export interface Seen {
  before: Heartbeat | undefined;
  now: Heartbeat;
}

interface VariantPace {
  queued: number;
  /** Requests per ms. */
  rate: number;
}

type Plan = NonNullable<Workload['plans'][keyof Workload['plans']]>;

/**
 * How long a request of the workload would wait for its models, by what their workers last said: for each step the least of its variants'
 * backlog divided by the pace at which it goes down, summed over steps that follow one another. Of several plans the quickest counts, since
 * the classifier may choose any. ms; undefined: nobody says anything about some model, and whoever schedules may know better.
 */
export function predictedWaitMs(workload: Workload, task: keyof Workload['plans'] | undefined, workers: readonly Seen[]): number | undefined {
  const named = task === undefined ? undefined : workload.plans[task];
  const plans = named === undefined ? Object.values(workload.plans) : [named];
  const waits = plans.map((plan) => planWaitMs(plan, workers)).filter((wait) => wait !== undefined);
  return waits.length === 0 ? undefined : Math.min(...waits);
}

function planWaitMs({ steps }: Plan, workers: readonly Seen[]): number | undefined {
  const ends = new Map<string, number>();
  for (const { id, model, after } of steps) {
    const own = modelWaitMs(model, workers);
    if (own === undefined) return undefined;
    // Waits of one step after the other add up; what was waited for once is drained meanwhile, so the longest counts, not the sum.
    const before = Math.max(0, ...after.map((step) => ends.get(step) ?? 0));
    ends.set(id, Math.max(own, before));
  }
  return Math.max(0, ...ends.values());
}

function modelWaitMs(model: string, workers: readonly Seen[]): number | undefined {
  const paces = new Map<string, VariantPace>();
  for (const seen of workers) {
    for (const load of seen.now.variants) {
      if (load.model !== model || load.breaker === 'open') continue;
      const { queued, rate } = paces.get(load.precision) ?? { queued: 0, rate: 0 };
      paces.set(load.precision, { queued: queued + interactiveQueued(load), rate: rate + paceOf(load, seen) });
    }
  }
  const waits = [...paces.values()].map(({ queued, rate }) => (queued === 0 ? 0 : rate === 0 ? undefined : queued / rate)).filter((wait) => wait !== undefined);
  return waits.length === 0 ? undefined : Math.min(...waits);
}

/** What it really did between two heartbeats while work waited; else what one session could do. */
function paceOf(load: VariantLoad, { before, now }: Seen): number {
  const earlier = before?.variants.find(({ model, precision }) => model === load.model && precision === load.precision);
  const elapsedMs = now.time - (before?.time ?? now.time);
  const done = load.completed - (earlier?.completed ?? load.completed);
  if (elapsedMs > 0 && done > 0 && (earlier?.queued ?? 0) > 0) return done / elapsedMs;
  return load.meanBatchMs > 0 ? Math.max(1, load.meanBatchSize) / load.meanBatchMs : 0;
}
