import type { ArmCounts } from '@tandem/schemas';
import { noLatencies } from './latency-buckets.ts';

export function noCounts(): ArmCounts {
  return {
    answers: 0, bad: 0, yielded: 0, latency: noLatencies(), users: 0, judged: 0, hits: 0, judgedSquared: 0, hitsSquared: 0, judgedHits: 0, compared: 0, agreed: 0,
  };
}

function combined(a: ArmCounts, b: ArmCounts, by: (x: number, y: number) => number): ArmCounts {
  const of = (name: Exclude<keyof ArmCounts, 'latency'>) => by(a[name], b[name]);
  return {
    answers: of('answers'), bad: of('bad'), yielded: of('yielded'), latency: a.latency.map((count, bucket) => by(count, b.latency[bucket] ?? 0)),
    users: of('users'), judged: of('judged'), hits: of('hits'), judgedSquared: of('judgedSquared'), hitsSquared: of('hitsSquared'), judgedHits: of('judgedHits'),
    compared: of('compared'), agreed: of('agreed'),
  };
}

export function sumOf(all: readonly ArmCounts[]): ArmCounts {
  return all.reduce((sum, counts) => combined(sum, counts, (x, y) => x + y), noCounts());
}

/** What came between the two. */
export function since(now: ArmCounts, before: ArmCounts): ArmCounts {
  return combined(now, before, (x, y) => Math.max(0, x - y));
}
