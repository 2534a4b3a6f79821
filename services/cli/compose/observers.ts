import type { ErrorCode, Mark, Response, Task, TaskKind } from '@tandem/schemas';
import type { CameTrue, Decision, ExperimentAction } from '@tandem/shared/core';
import type { LogRecord } from '@tandem/shared/log';
import type { PrefixUse } from '@tandem/worker';
import { currentSpan, traceBatch, type Metrics, type RecordSpan } from '@tandem/shared/telemetry';
import { decodingObserver } from './decoding-observer.ts';
import { ExperimentLabels } from './experiment-labels.ts';
import { variantLabels } from './variant-labels.ts';

/** Stages know their observers, not the metrics library. */
/** Rejected requests may name any workload: only known ones become a label. */
export function fusionObserver(metrics: Metrics, workloads: ReadonlySet<string>, answered?: (response: Response, task?: Task) => void) {
  return {
    responded(response: Response, task?: Task) {
      const { workload: name, status, reason, latencyMs } = response;
      const workload = workloads.has(name) ? name : 'unknown';
      metrics.responses.inc({ workload, status, reason: reason ?? 'none' });
      const span = sampledSpan();
      observeWith(span, metrics.responseSeconds, { workload }, latencyMs / 1_000);
      span?.set({ 'tandem.workload': workload, 'tandem.status': status, 'tandem.latency_ms': latencyMs, ...(reason === undefined ? {} : { 'tandem.reason': reason }) });
      answered?.(response, task);
    },
    provisional: (workload: string) => metrics.provisionalResponses.inc({ workload }),
    latePart: () => metrics.lateParts.inc(),
  };
}

export function schedulerObserver(metrics: Metrics, heard?: (record: LogRecord) => void) {
  const experimentLabels = new ExperimentLabels();
  return {
    decided(decision: Decision) {
      const { model, precision } = decision.kind === 'dispatch' ? decision : { model: 'none', precision: 'none' };
      metrics.decisions.inc({ kind: decision.kind, model, precision });
      const reason = 'reason' in decision ? { 'tandem.decision.reason': decision.reason } : {};
      sampledSpan()?.event('decision', { 'tandem.decision.kind': decision.kind, 'tandem.variant': `${model}.${precision}`, ...reason });
    },
    cameTrue({ variant, expectedMs, actualMs, joules }: CameTrue) {
      const labels = variantLabels(variant);
      metrics.expectationErrorSeconds.observe(labels, Math.abs(actualMs - expectedMs) / 1_000);
      metrics.expectedSeconds.inc(labels, expectedMs / 1_000);
      metrics.actualSeconds.inc(labels, actualMs / 1_000);
      if (joules !== undefined) metrics.stepJoules.observe(labels, joules);
    },
    experiment(experiment: string, action: ExperimentAction) {
      const arm = action.kind === 'end' ? 'all' : action.arm;
      metrics.experimentActions.inc({ ...experimentLabels.of({ experiment, arm }), action: action.kind });
    },
    ...(heard === undefined ? {} : { heard }),
  };
}

export function classifierObserver(metrics: Metrics) {
  return {
    classified(task: TaskKind, workload: string, marks: readonly Mark[]) {
      metrics.tasks.inc({ workload, task });
      for (const mark of marks) metrics.marks.inc({ workload, mark });
      sampledSpan()?.set({ 'tandem.workload': workload, 'tandem.task': task, ...(marks.length === 0 ? {} : { 'tandem.marks': [...marks] }) });
    },
    rejected(code: ErrorCode) {
      metrics.rejections.inc({ code });
      sampledSpan()?.set({ 'error.type': code });
    },
    interaction: () => metrics.interactions.inc(),
    cacheUnavailable: () => metrics.cacheUnavailable.inc(),
    // The runner counts dead letters, of every stage.
    deadLettered: () => undefined,
  };
}

/** Undefined where nobody would see what is written there. */
function sampledSpan(): RecordSpan | undefined {
  const span = currentSpan();
  return span?.recording === true ? span : undefined;
}

/** What leads from a bucket of a histogram to a trace that fell into it is kept where there is one. */
function observeWith<Label extends string>(span: RecordSpan | undefined, histogram: Observed<Label>, labels: Partial<Record<Label, string>>, value: number): void {
  if (span === undefined) return histogram.observe(labels, value);
  histogram.observe({ labels, value, exemplarLabels: { trace_id: span.context.traceId, span_id: span.context.spanId } });
}

interface Observed<Label extends string> {
  observe(labels: Partial<Record<Label, string>>, value: number): void;
  observe(observation: { labels: Partial<Record<Label, string>>; value: number; exemplarLabels: Record<string, string> }): void;
}

/** Called for every step: counters are looked up once. */
function reuseObserver(metrics: Metrics) {
  const counters = new Map<string, { inc(): void; saved: { inc(ms: number): void } }>();
  return (result: string, variant: string, savedMs: number) => {
    const name = `${variant} ${result}`;
    let counter = counters.get(name);
    if (counter === undefined) {
      const { model, precision } = variantLabels(variant);
      const counted = metrics.resultCache.labels({ model, precision, result });
      counter = { inc: () => counted.inc(), saved: metrics.resultCacheSavedMs.labels({ model, precision }) };
      counters.set(name, counter);
    }
    counter.inc();
    if (savedMs > 0) counter.saved.inc(savedMs);
  };
}

/** Called for every batch: counters are looked up once. */
function prefixObserver(metrics: Metrics) {
  const known = new Map<string, ReturnType<typeof prefixCounters>>();
  return (variant: string, use: PrefixUse) => {
    let counters = known.get(variant);
    if (counters === undefined) known.set(variant, counters = prefixCounters(metrics, variant));
    for (const [name, count] of Object.entries(use) as [keyof PrefixUse, number][]) counters[name](count);
  };
}

function prefixCounters(metrics: Metrics, variant: string): Record<keyof PrefixUse, (count: number) => void> {
  const labels = variantLabels(variant);
  const requests = (kind: string) => {
    const counter = metrics.prefixRequests.labels({ kind, ...labels });
    return (count: number) => counter.inc(count);
  };
  return {
    hits: requests('hit'), misses: requests('miss'), bypassed: requests('bypassed'),
    steps: (count) => metrics.prefixSteps.inc(labels, count),
    savedTokens: (count) => metrics.prefixSavedTokens.inc(labels, count),
    evictions: (count) => metrics.prefixEvictions.inc(labels, count),
    bytes: (bytes) => metrics.prefixBytes.set(labels, bytes),
  };
}

export function workerObserver(metrics: Metrics) {
  return {
    batch(variant: string, size: number, queueMs: number, computeMs: number, spans: readonly (RecordSpan | undefined)[]) {
      const labels = variantLabels(variant);
      metrics.batchSize.observe(labels, size);
      metrics.queueSeconds.observe(labels, queueMs / 1_000);
      const sampled = spans.find((span) => span?.recording === true);
      observeWith(sampled, metrics.batchSeconds, labels, computeMs / 1_000);
      if (sampled !== undefined) traceBatch(spans, { variant, size, queueMs, computeMs });
    },
    loaded(variant: string, reason: string, tookMs: number) {
      metrics.variantLoads.inc({ reason, ...variantLabels(variant) });
      metrics.variantLoadSeconds.observe(variantLabels(variant), tookMs / 1_000);
    },
    unloaded: (variant: string, reason: string) => metrics.variantUnloads.inc({ reason, ...variantLabels(variant) }),
    breaker: (state: string, variant: string) => metrics.takenOut.set(variantLabels(variant), state === 'closed' ? 0 : 1),
    deadLetter: (code: ErrorCode) => metrics.deadLetters.inc({ stage: 'worker', code }),
    reuse: reuseObserver(metrics),
    ahead: (result: string, variant: string) => metrics.aheadResults.inc({ result, ...variantLabels(variant) }),
    prefixes: prefixObserver(metrics),
    decoding: decodingObserver(metrics),
    reusableBytes: (bytes: number) => metrics.resultCacheBytes.set(bytes),
    cacheUnavailable: () => metrics.cacheUnavailable.inc(),
    outcome: (kind: string, variant: string) => metrics.stepOutcomes.inc({ kind, ...variantLabels(variant) }),
  };
}
