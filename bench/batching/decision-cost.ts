import { BATCH_LIMITS, BatchQueue, formBatch, type BatchTimes, type QueuedWork } from '@tandem/shared/core';
import { median } from '@tandem/shared/statistics';

const ROUNDS = 9;
const DECISIONS = 50;
const times: BatchTimes = { predict: (_, size) => 1 + size / 10, soonest: () => 1 };

export interface DecisionCost {
  waiting: number;
  tenants: number;
  /** For a request to come, be decided on and leave. */
  microseconds: number;
}

function work(index: number, tenants: number): QueuedWork<number> {
  return {
    payload: index, group: `g${index % 4}`, lane: 'interactive', enqueuedAt: 0, deadlineAt: 10_000 + ((index * 7_919) % 100_003),
    tier: index % 3 === 0 ? 'vip' : 'standard', tenant: tenants === 1 ? undefined : `t${index % tenants}`,
  };
}

function measured(waiting: number, tenants: number): () => number {
  const queue = new BatchQueue<number>();
  for (let index = 0; index < waiting; index += 1) queue.add(work(index, tenants));
  let next = waiting;
  return () => {
    const startedAt = performance.now();
    let moved = 0;
    for (let decision = 0; decision < DECISIONS; decision += 1) {
      const { batch } = formBatch(queue, { now: 1, startsAt: 1, sessions: 1, times, limits: BATCH_LIMITS });
      for (let index = 0; index < (batch?.work.length ?? 0); index += 1) queue.add(work(next += 1, tenants));
      moved += batch?.work.length ?? 0;
    }
    return ((performance.now() - startedAt) * 1_000) / moved;
  };
}

/** Interleaved rounds over short and long queues; medians. */
export function decisionCost(): DecisionCost[] {
  const cases = [100, 1_000, 10_000, 100_000].flatMap((waiting) => [1, 1_000].map((tenants) => ({ waiting, tenants, measure: measured(waiting, tenants), samples: [] as number[] })));
  for (let round = -2; round < ROUNDS; round += 1) {
    for (const { measure, samples } of cases) {
      const microseconds = measure();
      if (round >= 0) samples.push(microseconds);
    }
  }
  return cases.map(({ waiting, tenants, samples }) => ({ waiting, tenants, microseconds: median(samples) }));
}
