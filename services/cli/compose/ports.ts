import type { Variant, Workload } from '@tandem/schemas';
import { checkRedisAccess, createMemoryCache, createRedisCache, type Cache } from '@tandem/shared/cache';
import { correctedClock, systemClock, type Clock } from '@tandem/shared/clock';
import { connectionsOf, hasChosenName, loadWorkloads, type KafkaConnection, type RedisConnection, type Settings } from '@tandem/shared/config';
import { ExperimentBook, type Adapter } from '@tandem/shared/core';
import { TandemError, messageOf } from '@tandem/shared/errors';
import { createEmbeddedLog, createKafkaLog, type EventLog, type LogProducer } from '@tandem/shared/log';
import { acceleratorProbe, dcgmQueries, operatingSystemProbe, prometheusProbe, withBroker, type ResourceProbe } from '@tandem/shared/probe';
import { loadRegistry, stableVariants } from '@tandem/shared/registry';
import { createLogger, createMetrics, noTracing, startTracing, tracedCache, type Logger, type Metrics, type Tracing } from '@tandem/shared/telemetry';
import { checkAdapters, loadAdapters } from './adapters.ts';
import { Judgements } from './judgements.ts';

const REPORT_EVERY_MS = 5_000;

/** Everything that stages stand on, opened once per process. */
export interface Ports extends AsyncDisposable {
  log: EventLog;
  /** Shared by the stages of this process. */
  producer: LogProducer;
  cache: Cache;
  /** Of the registry, not retired. */
  variants: readonly Variant[];
  workloads: readonly Workload[];
  /** By the names that workloads and the registry call them. */
  adapters: ReadonlyMap<string, Adapter>;
  probe: ResourceProbe;
  /** Shows the log's time: deadlines count from the times that it stamps. */
  clock: Clock;
  logger: Logger;
  metrics: Metrics;
  tracing: Tracing;
  /** Of answers, as this process finds out. */
  judgements: Judgements;
  /** As operators want them now. */
  experiments: ExperimentBook;
  /** Resolved with the reason when this process has to be replaced by a new one. */
  unfit: PromiseWithResolvers<TandemError>;
}

function openLog(settings: Settings, connection: KafkaConnection, logger: Logger, clock: Clock): EventLog {
  if (settings.kafka === undefined) return createEmbeddedLog({ clock });
  const { kafka: brokers, instance: clientId, prefix, sessionTimeoutMs, gatherMs } = settings;
  return createKafkaLog({ ...connection, brokers, clientId, replacesPredecessor: hasChosenName(settings), prefix, sessionTimeoutMs, gatherMs, logger, clock });
}

async function openCache(settings: Settings, connection: RedisConnection, logger: Logger): Promise<Cache> {
  if (settings.redis === undefined) return createMemoryCache();
  const options = { ...connection, url: settings.redis, prefix: settings.prefix, logger };
  await checkRedisAccess(options);
  const cache = createRedisCache(options);
  return settings.otlpEndpoint === undefined ? cache : tracedCache(cache);
}

/** A burst of a second, not of a fifth: what does not fit is dropped, and leaves traces with holes. */
const SPAN_QUEUE = { OTEL_BSP_MAX_QUEUE_SIZE: '32768', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1024', OTEL_BSP_SCHEDULE_DELAY: '1000' } as const;

/** Not what the process was started with: command lines may hold secrets. */
const RESOURCE_DETECTORS = 'host,os,env';

/** Traces go out when a collector is named; otherwise tracing costs nothing. */
async function openTracing(settings: Settings, service: string, secrets: readonly string[]): Promise<Tracing> {
  if (settings.otlpEndpoint === undefined) return noTracing;
  process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] ??= settings.otlpEndpoint;
  for (const [name, value] of Object.entries(SPAN_QUEUE)) process.env[name] ??= value;
  process.env['OTEL_NODE_RESOURCE_DETECTORS'] ??= RESOURCE_DETECTORS;
  const given = process.env['OTEL_RESOURCE_ATTRIBUTES'];
  process.env['OTEL_RESOURCE_ATTRIBUTES'] = [`service.instance.id=${encodeURIComponent(settings.instance)}`, ...(given ? [given] : [])].join();
  return startTracing(`tandem-${service}`, process.env, secrets);
}

/** A GPU counts where models may run on it. */
export function openProbe({ providers, prometheus, prometheusSelector }: Pick<Settings, 'providers' | 'prometheus' | 'prometheusSelector'>, logger: Logger): ResourceProbe {
  const machine = operatingSystemProbe(systemClock);
  if (prometheus !== undefined) return prometheusProbe(machine, { url: prometheus, queries: dcgmQueries(prometheusSelector), clock: systemClock, logger });
  const gpu = providers.map((text) => /^(?:cuda|tensorrt)(?:.*:deviceId=(\d+))?/.exec(text)).find((match) => match !== null);
  return gpu === undefined ? machine : acceleratorProbe(machine, { deviceId: Number(gpu[1] ?? 0), clock: systemClock, logger });
}

export interface PortsOptions {
  /** The log's time is estimated from it. @default the system's */
  machineClock?: Clock;
  /** Waits for a broker that is away until this aborts. @default fails after 15 s */
  patience?: AbortSignal;
}

/** What a person at a terminal wants to know at once, a stage under a supervisor waits out: its next start would meet the same. */
async function openProducer(log: EventLog, { gatherMs: lingerMs }: Settings, logger: Logger, patience: AbortSignal | undefined): Promise<LogProducer> {
  if (patience === undefined) return log.producer({ lingerMs });
  let reason: string | undefined;
  const reports = setInterval(() => logger.warn({ log: log.description, reason }, 'waiting for the broker'), REPORT_EVERY_MS);
  const giveUp = () => void log.close();
  patience.addEventListener('abort', giveUp);
  try {
    return await producerAtLast(log, lingerMs, patience, (error) => (reason = messageOf(error)));
  } finally {
    clearInterval(reports);
    patience.removeEventListener('abort', giveUp);
  }
}

async function producerAtLast(log: EventLog, lingerMs: number, patience: AbortSignal, onFailed: (error: unknown) => void): Promise<LogProducer> {
  for (;;) {
    try {
      return await log.producer({ lingerMs });
    } catch (error) {
      if (patience.aborted || !(error instanceof TandemError) || error.code !== 'kafka_unreachable') throw error;
      onFailed(error);
    }
  }
}

export async function openPorts(settings: Settings, service: string, { machineClock = systemClock, patience }: PortsOptions = {}): Promise<Ports> {
  const { kafka, redis, secrets } = await connectionsOf(settings);
  const logger = createLogger({ level: settings.logLevel, fields: { service, instance: settings.instance }, secrets });
  const registry = await loadRegistry(settings.models);
  for (const error of registry.refused) logger.warn({ err: error }, 'a registry entry is refused; the others are served');
  const variants = stableVariants(registry);
  const workloads = await loadWorkloads(settings.workloads, { variants });
  const adapters = await loadAdapters(workloads, settings.workloads);
  checkAdapters(workloads, variants, adapters);
  // Before connections, which would keep a process from ending that is told wrongly how to sample.
  const tracing = await openTracing(settings, service, secrets);
  const cache = await openCache(settings, redis, logger);
  const log = openLog(settings, kafka, logger, machineClock);
  const close = () => Promise.allSettled([log.close(), cache.close(), tracing.close()]);
  const producer = await openProducer(log, settings, logger, patience).catch(async (error: unknown) => {
    // What is open would keep the process from ending.
    await close();
    throw error;
  });
  const metrics = createMetrics();
  metrics.onBrokerAsked(() => log.roundTripMs());
  return {
    log, cache, variants, workloads, adapters, tracing, logger, producer,
    probe: withBroker(openProbe(settings, logger), log),
    clock: correctedClock(() => log.now(), machineClock),
    metrics,
    experiments: new ExperimentBook(),
    judgements: new Judgements(),
    unfit: Promise.withResolvers<TandemError>(),
    async [Symbol.asyncDispose]() {
      await close();
    },
  };
}
