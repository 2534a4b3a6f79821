import { createClassifierStage, Precomputation, withBulkAdmission, withPrecomputation } from '@tandem/classifier';
import { createFusionStage } from '@tandem/fusion';
import { createSchedulerStage } from '@tandem/scheduler';
import { createWorkerStage, type DecodingOptions, type WorkerLimits } from '@tandem/worker';
import { topicName, type ShadowOutcome } from '@tandem/schemas';
import type { Settings } from '@tandem/shared/config';
import { answerMarginMs, type Adapter } from '@tandem/shared/core';
import { loadGolden } from '@tandem/shared/engine';
import { Chain, RunningStage, stageReaders, type RunnerOptions, type Stage, type StageName } from '@tandem/shared/runner';
import { MEBIBYTE } from '@tandem/shared/units';
import { accompanied } from './companion.ts';
import { countedWriters } from './counted-writers.ts';
import { ExperimentReports } from './experiment-reports.ts';
import { HeartbeatWatch } from './heartbeat-watch.ts';
import { engineOf, memoryBudgetBytes } from './inference-engine.ts';
import { openLearning } from './learning.ts';
import { LiveAccuracy } from './live-accuracy.ts';
import { classifierObserver, fusionObserver, schedulerObserver, workerObserver } from './observers.ts';
import { policyOf } from './policies.ts';
import { variantCurves } from './profiles.ts';
import type { Ports } from './ports.ts';
import { scalingGauges } from './scaling-gauges.ts';
import { servedVariants } from './served-variants.ts';
import { takeOver } from './takeover.ts';
import { topicsOf } from './topology.ts';

function classifier(settings: Settings, ports: Ports): Stage {
  const { prefix, featureWaitMs } = settings;
  const ahead = precomputation(settings, ports);
  const quotas = { workloads: settings.workloadQuotas, tenants: settings.tenantQuotas };
  const classifying = createClassifierStage({ ...ports, prefix, featureWaitMs, quotas, partitions: settings.partitions, observer: classifierObserver(ports.metrics), ...(ahead === undefined ? {} : { ahead }) });
  const stage = withBulkAdmission(classifying, { ...ports, prefix, partitions: settings.partitions });
  // Before anything is computed ahead all features are known.
  if (!ports.cache.shared) withOwnFeatures(stage, settings, ports);
  return ahead === undefined ? stage : withPrecomputation(stage, ahead);
}

/** Undefined: no workload wants it. */
function precomputation({ prefix, partitions, precomputePerSecond: perSecond, precomputeMaxCpuUse: maxCpuUse }: Settings, ports: Ports): Precomputation | undefined {
  const onTask = (workload: string) => ports.metrics.aheadTasks.inc({ workload });
  const ahead = new Precomputation({ ...ports, prefix, partitions, perSecond, maxCpuUse, random: Math.random, onTask });
  return ahead.isOn ? ahead : undefined;
}

/**
 * Features of an in-process cache belong to this process alone, so it reads all interactions itself, from their
 * start, instead of sharing them out among a group.
 */
function withOwnFeatures(stage: ReturnType<typeof createClassifierStage>, { prefix }: Settings, { log, logger }: Ports): void {
  const stop = stage.stop?.bind(stage);
  let close: (() => Promise<void>) | undefined;
  Object.assign(stage, {
    async start() {
      const tail = await log.tail({
        topic: topicName(prefix, 'interactions'),
        onRecord: (record) => void stage.applyInteraction(record).catch((error: unknown) => logger.debug({ err: error }, 'interaction ignored')),
        onFault: (error) => logger.warn({ err: error }, 'reading interactions failed; trying again'),
      });
      close = () => tail.close();
      await tail.caughtUp;
    },
    async stop() {
      await close?.();
      await stop?.();
    },
  });
}

async function scheduler(settings: Settings, ports: Ports): Promise<Stage> {
  const heartbeats = new HeartbeatWatch(ports.metrics, ports.clock);
  const scaling = scalingGauges(settings, ports);
  const { prefix, instance, tierWeights } = settings;
  const observer = schedulerObserver(ports.metrics, (record) => {
    heartbeats.heard(record);
    scaling.heard(record);
  });
  const learning = settings.policy === 'bandit' ? await openLearning(settings, ports) : undefined;
  const policy = learning?.policy ?? policyOf(settings);
  const stage = createSchedulerStage({ ...ports, prefix, instance, tierWeights, answerMarginMs: answerMarginMs(settings), policy, observer });
  accompanied(stage, { started: () => scaling.start(), stopping: () => scaling.stop() });
  // What is learnt is kept for as long as the stage decides.
  return learning === undefined ? stage : accompanied(stage, { started: () => learning.start(), stopped: () => learning.stop() });
}

function batchLimitsOf({
  maxBatchSize, maxBulkBatchSize, preferredBatchSizes, maxQueueDelayMs, maxQueueSize, whenFull, tierWeights, tenantWeights, tierTimeouts,
  fairnessWindowMs, bulkEveryMs,
}: Settings): Partial<WorkerLimits> {
  return {
    maxBatchSize, maxBulkBatchSize, preferredBatchSizes, maxQueueDelayMs, maxQueueSize, whenFull, tierWeights, tenantWeights, tierTimeouts,
    fairnessWindowMs, bulkEveryMs,
  };
}

function decodingOf({ generateCacheMb, generateCache, generateDraftTokens, generateMaxBatchSize }: Settings): DecodingOptions {
  return { cacheBytes: generateCacheMb * MEBIBYTE, cacheFormat: generateCache, draftTokens: generateDraftTokens, maxBatchSize: generateMaxBatchSize };
}

async function worker(settings: Settings, ports: Ports): Promise<Stage> {
  const { prefix, instance, pool, overcommit, sleepAfterMs } = settings;
  const profiles = settings.quickProfile ? { profiles: await variantCurves(settings, ports) } : {};
  const { variants, pinned } = await servedVariants(settings, ports.variants);
  return createWorkerStage({
    ...ports, ...profiles, prefix, instance, variants, pinned, overcommit, sleepAfterMs,
    engine: engineOf(settings, variants, ports),
    ...(pool === undefined ? {} : { pool }),
    limits: batchLimitsOf(settings),
    resultCacheBytes: settings.resultCacheMb * MEBIBYTE,
    prefixCacheBytes: settings.prefixCacheMb * MEBIBYTE,
    prefixIdleMs: settings.prefixIdleMs,
    ...(ports.log.durable ? { countsIn: ports.log } : {}),
    golden: () => loadGolden(settings.models),
    decoding: decodingOf(settings),
    memoryBudgetBytes: memoryBudgetBytes(settings),
    observer: workerObserver(ports.metrics),
  });
}

function adapterOf({ workloads, adapters }: Ports): (workload: string) => Adapter | undefined {
  const byWorkload = new Map(workloads.map(({ name, adapter }) => [name, adapters.get(adapter)]));
  return (workload) => byWorkload.get(workload);
}

function fusion(settings: Settings, ports: Ports): Stage {
  const { prefix, delivery, transactionIntervalMs, answeredWindowMs, instance } = settings;
  const ordered = new Set(ports.workloads.filter(({ order }) => order === 'key').map(({ name }) => name));
  const isOrdered = (workload: string) => ordered.has(workload);
  const adapters = adapterOf(ports);
  const reports = new ExperimentReports({ ...ports, prefix, instance, adapterOf: adapters, onItems: (copy) => accuracy.shadowed(copy) });
  const accuracy: LiveAccuracy = new LiveAccuracy({ ...ports, prefix, onJudged: (arm, userId, isHit) => reports.judged(arm, userId, isHit), onAnswer: (requestId, isHit) => ports.judgements.tell(requestId, isHit) });
  const responded = fusionObserver(ports.metrics, new Set(ports.workloads.map(({ name }) => name)), (response, task) => {
    accuracy.answered(response, task);
    if (task !== undefined) reports.answered(response, task);
  });
  const observer = { ...responded, shadowed: (outcome: ShadowOutcome) => reports.shadowed(outcome) };
  const log = countedWriters(ports.log, ports.metrics);
  const stage = createFusionStage({ ...ports, log, prefix, delivery, transactionIntervalMs, answeredWindowMs, isOrdered, adapterOf: adapters, observer });
  // Interactions are looked at for as long as the stage answers.
  return accompanied(stage, {
    async started() {
      await accuracy.start();
      reports.start();
    },
    async stopping() {
      await reports.stop();
      await accuracy.stop();
    },
  });
}

async function createStage(name: StageName, settings: Settings, ports: Ports): Promise<Stage> {
  switch (name) {
    case 'classifier': return classifier(settings, ports);
    case 'scheduler': return scheduler(settings, ports);
    case 'worker': return worker(settings, ports);
    case 'fusion': return fusion(settings, ports);
  }
}

async function createUnit(names: readonly StageName[], settings: Settings, ports: Ports): Promise<Stage> {
  const stages: Stage[] = [];
  for (const name of names) stages.push(await createStage(name, settings, ports));
  const [only] = stages;
  if (only !== undefined && stages.length === 1) return only;
  const { metrics, tracing } = ports;
  return new Chain(stages, { partitions: settings.partitions, readersOf: stageReaders(topicsOf(settings, ports)), metrics, tracing });
}

/**
 * One stage, or several chained, under the runner, on this process's ports.
 * @param heldBack topics of which an operator wants nothing taken in
 */
export async function startUnit(names: readonly StageName[], settings: Settings, ports: Ports, heldBack: readonly string[]): Promise<RunningStage> {
  const { prefix, commitIntervalMs, drainTimeoutMs } = settings;
  const options: RunnerOptions = { ...ports, prefix, commitIntervalMs, drainTimeoutMs, heldBack };
  const unit = await createUnit(names, settings, ports);
  await takeOver(names, unit, settings, ports);
  return RunningStage.start(unit, options);
}
