import type { Metrics } from '@tandem/shared/telemetry';
import type { DecodingUse } from '@tandem/worker';
import { variantLabels } from './variant-labels.ts';

type Report = Record<keyof DecodingUse, (value: number) => void>;

/** Called for every step: counters are looked up once. */
export function decodingObserver(metrics: Metrics) {
  const known = new Map<string, Report>();
  return (variant: string, use: DecodingUse) => {
    let report = known.get(variant);
    if (report === undefined) known.set(variant, report = reportOf(metrics, variant));
    for (const [name, value] of Object.entries(use) as [keyof DecodingUse, number][]) report[name](value);
  };
}

function reportOf(metrics: Metrics, variant: string): Report {
  const labels = variantLabels(variant);
  const tokens = (kind: string) => {
    const counter = metrics.generateTokens.series({ kind, ...labels });
    return (count: number) => counter.add(count);
  };
  return {
    tokens: tokens('generated'), promptTokens: tokens('prompt'), reusedTokens: tokens('reused'), drafted: tokens('drafted'), accepted: tokens('accepted'),
    preemptions: (count) => metrics.generatePreemptions.inc(labels, count),
    evictions: (count) => metrics.generateEvictions.inc(labels, count),
    bytes: (bytes) => metrics.generateCacheBytes.set(labels, bytes),
    underWay: (count) => metrics.generateSequences.set({ state: 'under_way', ...labels }, count),
    waiting: (count) => metrics.generateSequences.set({ state: 'waiting', ...labels }, count),
  };
}
