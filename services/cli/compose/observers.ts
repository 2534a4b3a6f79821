import type { ErrorCode, Mark, Response, Task, TaskKind } from '@tandem/schemas';
import type { CameTrue, Decision, ExperimentAction } from '@tandem/shared/core';
import type { LogRecord } from '@tandem/shared/log';
import type { PrefixUse } from '@tandem/worker';
import { currentSpan, traceBatch, type HistogramSeries, type Metrics, type RecordSpan } from '@tandem/shared/telemetry';
import { decodingObserver } from './decoding-observer.ts';
import { ExperimentLabels } from './experiment-labels.ts';
import { variantLabels, type VariantLabels } from './variant-labels.ts';

/** Stages know their observers, not the metrics library. */
/** Rejected requests may name any workload: only known ones become a label. */
export function fusionObserver(metrics: Metrics, workloads: ReadonlySet<string>, answered?: (response: Response, task?: Task) => void) {
  return {
    responded(response: Response, task?: Task) {
      const { workload: name, status, reason, latencyMs } = response;
      const workload = workloads.has(name) ? name : 'unknown';
      metrics.responses.inc({ workload, status, reason: reason ?? 'none' });
      const span = sampledSpan();
      observeWith(span, metrics.responseSeconds.series({ workload }), latencyMs / 1_000);
      span?.set({ 'tandem.workload': workload, 'tandem.status': status, 'tandem.latency_ms': latencyMs, ...(reason === undefined ? {} : { 'tandem.reason': reason }) });
      answered?.(response, task);
    },
    provisional: (workload: string) => metrics.provisionalResponses.inc({ workload }),
    latePart: () => metrics.lateParts.inc(),
  };
}

export function schedulerObserver(metrics: Metrics, heard?: (record: LogRecord) => void) {
  const experimentLabels = new ExperimentLabels();
  const stepsOf = byVariant((labels) => stepSeries(metrics, labels));
  return {
    decided(decision: Decision) {
      const { model, precision } = decision.kind === 'dispatch' ? decision : { model: 'none', precision: 'none' };
      metrics.decisions.inc({ kind: decision.kind, model, precision });
      const reason = 'reason' in decision ? decision.reason : undefined;
      sampledSpan()?.event('decision', { 'tandem.decision.kind': decision.kind, 'tandem.variant': `${model}.${precision}`, ...(reason === undefined ? {} : { 'tandem.decision.reason': reason }) });
    },
    cameTrue({ variant, expectedMs, actualMs, joules }: CameTrue) {
      const steps = stepsOf(variant);
      steps.expectationErrorSeconds.observe(Math.abs(actualMs - expectedMs) / 1_000);
      steps.expectedSeconds.add(expectedMs / 1_000);
      steps.actualSeconds.add(actualMs / 1_000);
      if (joules !== undefined) steps.joules.observe(joules);
    },
    experiment(experiment: string, action: ExperimentAction) {
      const arm = action.kind === 'end' ? 'all' : action.arm;
      metrics.experimentActions.inc({ ...experimentLabels.of({ experiment, arm }), action: action.kind });
    },
    ...(heard === undefined ? {} : { heard }),
  };
}

function stepSeries(metrics: Metrics, labels: VariantLabels) {
  return {
    expectationErrorSeconds: metrics.expectationErrorSeconds.series(labels),
    expectedSeconds: metrics.expectedSeconds.series(labels),
    actualSeconds: metrics.actualSeconds.series(labels),
    joules: metrics.stepJoules.series(labels),
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
function observeWith(span: RecordSpan | undefined, series: HistogramSeries, value: number): void {
  if (span === undefined) series.observe(value);
  else series.observe(value, { trace_id: span.context.traceId, span_id: span.context.spanId });
}

/** For what is called for every step or batch: series are looked up once. */
function byVariant<Series>(make: (labels: VariantLabels) => Series): (variant: string) => Series {
  const known = new Map<string, Series>();
  return (variant) => {
    let series = known.get(variant);
    if (series === undefined) known.set(variant, series = make(variantLabels(variant)));
    return series;
  };
}

function reuseObserver(metrics: Metrics) {
  const savedOf = byVariant((labels) => metrics.resultCacheSavedMs.series(labels));
  return (result: string, variant: string, savedMs: number) => {
    const { model, precision } = variantLabels(variant);
    metrics.resultCache.inc({ model, precision, result });
    if (savedMs > 0) savedOf(variant).add(savedMs);
  };
}

function prefixObserver(metrics: Metrics) {
  const countersOf = byVariant((labels) => prefixCounters(metrics, labels));
  return (variant: string, use: PrefixUse) => {
    const counters = countersOf(variant);
    for (const [name, count] of Object.entries(use) as [keyof PrefixUse, number][]) counters[name](count);
  };
}

function prefixCounters(metrics: Metrics, labels: VariantLabels): Record<keyof PrefixUse, (count: number) => void> {
  const requests = (kind: string) => {
    const series = metrics.prefixRequests.series({ kind, ...labels });
    return (count: number) => series.add(count);
  };
  return {
    hits: requests('hit'), misses: requests('miss'), bypassed: requests('bypassed'),
    steps: (count) => metrics.prefixSteps.inc(labels, count),
    savedTokens: (count) => metrics.prefixSavedTokens.inc(labels, count),
    evictions: (count) => metrics.prefixEvictions.inc(labels, count),
    bytes: (bytes) => metrics.prefixBytes.set(labels, bytes),
  };
}

function batchSeries(metrics: Metrics, labels: VariantLabels) {
  return { size: metrics.batchSize.series(labels), queueSeconds: metrics.queueSeconds.series(labels), seconds: metrics.batchSeconds.series(labels) };
}

export function workerObserver(metrics: Metrics) {
  const batchesOf = byVariant((labels) => batchSeries(metrics, labels));
  return {
    batch(variant: string, size: number, queueMs: number, computeMs: number, spans: readonly (RecordSpan | undefined)[]) {
      const batches = batchesOf(variant);
      batches.size.observe(size);
      batches.queueSeconds.observe(queueMs / 1_000);
      const sampled = spans.find((span) => span?.recording === true);
      observeWith(sampled, batches.seconds, computeMs / 1_000);
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
    outcome(kind: string, variant: string) {
      const { model, precision } = variantLabels(variant);
      metrics.stepOutcomes.inc({ kind, model, precision });
    },
  };
}
