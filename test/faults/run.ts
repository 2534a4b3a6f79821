import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { topicName } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { openPorts, type Ports } from '../../services/cli/compose/ports.ts';
import { ensureTopology } from '../../services/cli/compose/topology.ts';
import { BrokerCluster } from './broker-cluster.ts';
import { check } from './checker.ts';
import { gatherEvidence } from './evidence.ts';
import { Fleet } from './fleet.ts';
import { Guardian } from './guardian.ts';
import { Injector, type InjectedFault } from './injector.ts';
import { Load } from './load.ts';
import { Progress } from './progress.ts';
import { RedisTarget } from './redis-target.ts';
import { makeReport, passed, type FaultReport } from './report.ts';
import { loadOf, type FaultRunOptions } from './run-options.ts';
import { includesKind, scheduleFaults, type FaultTarget, type PlannedFault } from './schedule.ts';
import { PREFIX, stageFlags, WORKLOADS } from './stage-flags.ts';
import { createTraffic } from './traffic.ts';

/** Nothing more is expected to come when nothing has come for so long. */
const QUIET_MS = 5_000;

/** What a run is made of, from its servers to its stages. */
interface Stand extends AsyncDisposable {
  fleet: Fleet;
  ports: Ports;
  injector: Injector;
  logFolder: string;
}

/** The whole experiment: servers, stages, load, faults, and what the checker says of it. */
export async function runFaults(options: FaultRunOptions): Promise<FaultReport> {
  await using stand = await setUp(options);
  const { fleet, ports, injector, logFolder } = stand;
  const { ratePerSecond } = loadOf(options);
  const traffic = createTraffic({ seed: options.seed, run: randomUUID().slice(0, 8), provisional: options.old === undefined });
  const producer = await ports.log.producer();
  const load = new Load({ producer, prefix: PREFIX, traffic, requests: options.requests, ratePerSecond });
  const answered = await followAnswers(ports);
  await load.sendInteractions();

  const faults: InjectedFault[] = [];
  const failures: string[] = [];
  const planned = scheduleFaults({ ...options, count: options.faults }).map((fault) => onChain(fault, options.chain));
  using progress = new Progress(() => `${load.sent}/${options.requests} sent, ${answered.size} answered, ${faults.length}/${planned.length} faults`);
  const loading = load.run();
  const injecting = injectAll(planned, options.leadMs, injector, progress, faults, failures);
  const times = await loading;
  await injecting;
  await untilAnswered(load, answered, options.patienceMs, progress);
  await fleet[Symbol.asyncDispose]();

  const evidence = await gatherEvidence(ports.log, PREFIX, load.acknowledged);
  const result = check(evidence, options);
  const report = makeReport({ options, result, faults, failures, times, ratePerSecond, evidence, crashes: fleet.crashes, refused: load.refused.length, logFolder });
  if (passed(report) && !options.keepLogs) rmSync(logFolder, { recursive: true, force: true });
  return report;
}

async function setUp(options: FaultRunOptions): Promise<Stand> {
  await using stack = new AsyncDisposableStack();
  const guardian = stack.use(new Guardian());
  const onStarted = guardian.watch.bind(guardian);
  const logFolder = mkdtempSync(join(tmpdir(), 'tandem-faults-logs-'));
  process.stderr.write(`logs of all processes: ${logFolder}\n`);
  const brokers = stack.use(await BrokerCluster.start({ count: options.brokers, disks: includesKind(options.kinds, 'disk-full'), onStarted }));
  const redis = stack.use(await RedisTarget.start(onStarted));
  const settings = loadSettings({ flags: { kafka: brokers.direct.join(','), prefix: PREFIX, logLevel: 'error', workloads: WORKLOADS } });
  const ports = stack.use(await openPorts(settings, 'faults'));
  await ensureTopology(settings, ports);
  const fleet = stack.use(new Fleet({
    instances: options.instances,
    chain: options.chain,
    oldCheckout: options.old,
    logFolder,
    onStarted,
    newFlags: options.mode === 'at-least-once' ? [] : ['--delivery', options.mode],
    flags: (stage) => stageFlags(brokers.bootstrapOf(stage), redis.url, options.stageFlags),
  }));
  await fleet.start();
  const responses = { topic: topicName(PREFIX, 'responses'), partitions: settings.partitions };
  const injector = new Injector({ fleet, brokers, redis, responses });
  const owned = stack.move();
  return { fleet, ports, injector, logFolder, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Ids of requests that have a final response, as they come. */
async function followAnswers({ log }: Ports): Promise<ReadonlySet<string>> {
  const answered = new Set<string>();
  await log.tail({
    topic: topicName(PREFIX, 'responses'),
    onRecord({ value }) {
      const { requestId, final } = JSON.parse(value!.toString('utf8')) as { requestId: string; final: boolean };
      if (final) answered.add(requestId);
    },
  });
  return answered;
}

/** Whatever hits a chained stage hits the process that runs all of them. */
function onChain(fault: PlannedFault, chain: readonly FaultTarget[]): PlannedFault {
  const host = chain.at(-1);
  return host === undefined || !chain.includes(fault.target) ? fault : { ...fault, target: host };
}

/** Each at its time; a fault that lasts does not hold up the next. */
async function injectAll(planned: readonly PlannedFault[], leadMs: number, injector: Injector, progress: Progress, done: InjectedFault[], failures: string[]): Promise<void> {
  const startedAt = Date.now();
  const running: Promise<void>[] = [];
  for (const fault of planned) {
    await delay(Math.max(0, startedAt + leadMs + fault.atMs - Date.now()));
    const name = `${fault.kind} ${fault.target}${fault.durationMs === 0 ? '' : ` for ${(fault.durationMs / 1_000).toFixed(1)} s`}`;
    progress.say(`${new Date().toISOString().slice(11, 23)} ${name}`);
    const failed = (error: unknown): void => {
      failures.push(`${name}: ${String(error)}`);
      progress.say(`${name} could not be done or undone: ${String(error)}`);
    };
    running.push(injector.inject(fault).then((injected) => void done.push(injected), failed));
  }
  await Promise.all(running);
}

/** Until every request has its answer and nothing more comes, or nothing has come for as long as patience lasts. */
async function untilAnswered(load: Load, answered: ReadonlySet<string>, patienceMs: number, progress: Progress): Promise<void> {
  let [last, lastAt] = [-1, Date.now()];
  for (;;) {
    const missing = load.acknowledged.filter(({ requestId }) => !answered.has(requestId)).length;
    if (missing !== last) [last, lastAt] = [missing, Date.now()];
    const quietMs = Date.now() - lastAt;
    if (missing === 0 && quietMs >= QUIET_MS) return;
    if (quietMs >= patienceMs) return progress.say(`${missing} requests without an answer after ${patienceMs / 1_000} s of waiting`);
    await delay(500);
  }
}
