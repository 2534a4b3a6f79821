import type { Status } from '@tandem/schemas';
import type { AnswerFigures, CostFigures, Percentiles } from '../snapshot.ts';
import type { AnswerSecond } from './answer-second.ts';
import { Times } from './window.ts';

const REASONS_SHOWN = 12;
const MS_PER_SECOND = 1_000;

/** Answers of some seconds together; rates are of all that came, the rest of those that were looked into. */
export function answerFigures(seconds: readonly AnswerSecond[], keepsResults: boolean): AnswerFigures {
  const length = Math.max(1, seconds.length);
  const seen = sum(seconds, (second) => second.seen);
  const sampled = sum(seconds, (second) => second.sampled);
  /** Per second, of all: what was looked into stands for the rest. */
  const scaled = (count: number) => (sampled === 0 ? 0 : (count / sampled) * (seen / length));
  const statuses = merged(seconds.map((second) => second.statuses));
  return {
    seconds: seconds.length, seen, sampled,
    perSecond: seen / length,
    goodputPerSecond: scaled(statuses.get('complete') ?? 0),
    latencyMs: latencyOf(seconds),
    spent: spentOf(seconds, sampled),
    statuses: Object.fromEntries([...statuses].map(([status, count]) => [status, scaled(count)])),
    reasons: reasonsOf(seconds, scaled),
    resultCacheHits: keepsResults ? hitsOf(seconds) : null,
  };
}

export function latencyOf(seconds: readonly AnswerSecond[]): Percentiles | null {
  const all = new Times();
  for (const { latency } of seconds) all.merge(latency);
  return all.count === 0 ? null : { p50: all.at(50), p95: all.at(95), p99: all.at(99) };
}

/** Of a mean answer: waiting for a batch, in a batch, and everything else. Steps side by side count for each. */
function spentOf(seconds: readonly AnswerSecond[], sampled: number): AnswerFigures['spent'] {
  if (sampled === 0) return null;
  const queueMs = sum(seconds, (second) => second.queueMs) / sampled;
  const computeMs = sum(seconds, (second) => second.computeMs) / sampled;
  const latencyMs = sum(seconds, (second) => second.latencyMs) / sampled;
  return { queueMs, computeMs, otherMs: Math.max(0, latencyMs - queueMs - computeMs) };
}

function reasonsOf(seconds: readonly AnswerSecond[], scaled: (count: number) => number): AnswerFigures['reasons'] {
  const counts = [...merged(seconds.map((second) => second.reasons))].sort(([, a], [, b]) => b - a).slice(0, REASONS_SHOWN);
  return counts.map(([name, count]) => {
    const [status = 'complete', reason = 'none'] = name.split(' ') as [Status, string];
    return { status, reason, perSecond: scaled(count) };
  });
}

function hitsOf(seconds: readonly AnswerSecond[]): number | null {
  const cached = sum(seconds, (second) => second.cached);
  const ran = sum(seconds, ({ variants }) => sum([...variants.values()], ({ steps }) => steps));
  return cached + ran === 0 ? null : cached / (cached + ran);
}

/** Share of each variant among the steps that ran. */
export function sharesOf(seconds: readonly AnswerSecond[]): Map<string, number> {
  const steps = new Map<string, number>();
  for (const { variants } of seconds) for (const [name, { steps: count }] of variants) steps.set(name, (steps.get(name) ?? 0) + count);
  const all = sum([...steps.values()], (count) => count);
  return new Map([...steps].map(([name, count]) => [name, count / all]));
}

export function queueOf(seconds: readonly AnswerSecond[], variant: string): { p50: number; p95: number } | null {
  const times = new Times();
  for (const { variants } of seconds) {
    const queue = variants.get(variant)?.queue;
    if (queue !== undefined) times.merge(queue);
  }
  return times.count === 0 ? null : { p50: times.at(50), p95: times.at(95) };
}

/**
 * What the models took for a thousand answers, and what they would take if each answer were one step of the large model: at the mean
 * that its steps take now, over the precisions that it runs at.
 * @param large models of the fine steps
 */
export function costFigures(seconds: readonly AnswerSecond[], large: ReadonlySet<string>): CostFigures {
  const sampled = sum(seconds, (second) => second.sampled);
  let computeMs = 0;
  const ofLarge = { steps: 0, computeMs: 0, names: new Set<string>() };
  for (const { variants } of seconds) {
    for (const [name, variant] of variants) {
      computeMs += variant.computeMs;
      if (!large.has(name.slice(0, name.lastIndexOf('.')))) continue;
      ofLarge.steps += variant.steps;
      ofLarge.computeMs += variant.computeMs;
      ofLarge.names.add(name);
    }
  }
  return {
    // ms per answer are s per thousand answers.
    secondsPerThousand: sampled === 0 ? null : computeMs / sampled,
    allLargeSecondsPerThousand: ofLarge.steps === 0 ? null : ofLarge.computeMs / ofLarge.steps,
    large: [...ofLarge.names].sort(),
  };
}

function merged<Key>(maps: readonly ReadonlyMap<Key, number>[]): Map<Key, number> {
  const all = new Map<Key, number>();
  for (const map of maps) for (const [key, count] of map) all.set(key, (all.get(key) ?? 0) + count);
  return all;
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

export const perSecondOf = (difference: number, elapsedMs: number): number => (elapsedMs <= 0 ? 0 : Math.max(0, difference) / (elapsedMs / MS_PER_SECOND));
