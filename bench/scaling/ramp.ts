import { Autoscaler } from '@tandem/shared/core';

const SECONDS = 1_200;
const CYCLE_SECONDS = 600;
const SECOND_MS = 1_000;

export interface RampOptions {
  /** What a worker takes from its launch until it serves, ms. */
  startMs: number;
  /** As the autoscaler's. */
  targetUse: number;
}

/**
 * Session seconds of work that come while the workers for them have not started, by whether the starts were foreseen, over two days of
 * ten minutes: from 1 session to 7 and back.
 */
export function shortfalls(options: RampOptions): { without: number; foreseen: number } {
  return { without: shortfall(options, 0), foreseen: shortfall(options, options.startMs) };
}

/** Workers of one session each. What there is too much of waits, and is part of what they see. */
function shortfall({ startMs, targetUse }: RampOptions, aheadMs: number): number {
  const scaler = new Autoscaler({ min: 1, max: 32, targetUse });
  const startedAt: number[] = [-startMs];
  let [backlogMs, missing] = [0, 0];
  for (let second = 0; second < SECONDS; second += 1) {
    const at = second * SECOND_MS;
    const load = 4 - 3 * Math.cos((2 * Math.PI * second) / CYCLE_SECONDS);
    const workers = startedAt.filter((since) => at - since >= startMs).length;
    missing += Math.max(0, load - workers);
    backlogMs = Math.max(0, backlogMs + (load - workers) * SECOND_MS);
    const sample = { at, durationMs: SECOND_MS, workers, sessions: workers, arrivedMs: load * SECOND_MS, backlogMs, asked: 100, refused: 0, bulk: 0, missed: 0 };
    const wanted = scaler.update(sample, aheadMs).workers;
    while (startedAt.length < wanted) startedAt.push(at);
    startedAt.length = Math.min(startedAt.length, wanted);
  }
  return missing;
}
