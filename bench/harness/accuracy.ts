import type { Gains } from './judge.ts';

export interface Accuracy {
  answers: number;
  /** NaN where nothing was judged. */
  hitRateAt10: number;
  ndcgAt10: number;
  /** Of the hit rate, √(p(1−p)/n). */
  standardError: number;
}

export interface Lost {
  /** That both answered. */
  events: number;
  /** Reference less the other: positive is worse than the reference. */
  hitRateLost: number;
  /** Of the difference: of pairs, so far smaller than that of two hit rates. */
  standardError: number;
}

export function accuracyOf(gains: Gains): Accuracy {
  const all = [...gains.values()];
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const hitRateAt10 = mean(all.map((gain) => (gain > 0 ? 1 : 0)));
  return { answers: all.length, hitRateAt10, ndcgAt10: mean(all), standardError: Math.sqrt((hitRateAt10 * (1 - hitRateAt10)) / all.length) };
}

/** The same events answered by two: their difference does not depend on which events were drawn. */
export function lostAgainst(reference: Gains, other: Gains): Lost {
  const differences = [...other].flatMap(([event, gain]) => {
    const expected = reference.get(event);
    return expected === undefined ? [] : [(expected > 0 ? 1 : 0) - (gain > 0 ? 1 : 0)];
  });
  const events = differences.length;
  const hitRateLost = differences.reduce<number>((sum, value) => sum + value, 0) / events;
  const variance = differences.reduce<number>((sum, value) => sum + (value - hitRateLost) ** 2, 0) / events;
  return { events, hitRateLost, standardError: Math.sqrt(variance / events) };
}
