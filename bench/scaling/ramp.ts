import { Autoscaler } from '@tandem/shared/core';

const SECONDS = 180;
const [FROM, TO] = [0.5, 5];
const SECOND_MS = 1_000;

/** Session seconds of work that come while the workers for them have not started, by whether the starts were foreseen. */
export function shortfalls(startMs: number): { without: number; foreseen: number } {
  return { without: shortfall(startMs, 0), foreseen: shortfall(startMs, startMs) };
}

/** Workers of one session each. What there is too much of waits, and is part of what they see. */
function shortfall(startMs: number, aheadMs: number): number {
  const scaler = new Autoscaler({ min: 1, max: 16 });
  const startedAt: number[] = [-startMs];
  let [backlogMs, missing] = [0, 0];
  for (let second = 0; second < SECONDS; second += 1) {
    const at = second * SECOND_MS;
    const load = FROM + ((TO - FROM) * second) / SECONDS;
    const workers = startedAt.filter((since) => at - since >= startMs).length;
    missing += Math.max(0, load - workers);
    backlogMs = Math.max(0, backlogMs + (load - workers) * SECOND_MS);
    const wanted = scaler.update({ at, durationMs: SECOND_MS, workers, sessions: workers, arrivedMs: load * SECOND_MS, backlogMs, asked: 100, refused: 0, missed: 0 }, aheadMs).workers;
    while (startedAt.length < wanted) startedAt.push(at);
    startedAt.length = Math.min(startedAt.length, wanted);
  }
  return missing;
}
