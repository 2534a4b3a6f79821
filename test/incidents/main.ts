import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { topicName } from '@tandem/schemas';
import { loadSettings } from '@tandem/shared/config';
import { createKafkaLog } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { openPorts } from '../../services/cli/compose/ports.ts';
import { ensureTopology } from '../../services/cli/compose/topology.ts';
import { startCommand, type CommandProcess } from '../support/cluster.ts';
import { startKafkaBroker, type KafkaBroker } from '../support/kafka-broker.ts';
import { exitOnSignals, freePorts, temporaryFolder } from '../support/processes.ts';
import { startRedisServer } from '../support/redis-server.ts';
import { until } from '../support/until.ts';
import { alertExpressions, startPrometheus, type Prometheus } from './prometheus.ts';

const HELP = `Provokes real incidents on a small cluster and asks a real Prometheus whether the alarms see them.

  npm run incidents -- [--only TEXT]

Starts Kafka, Redis, a process for each stage and Prometheus (apt-get install prometheus), takes a few minutes, and ends with 1 if an alarm
that should have seen its incident did not, or if one was on before.
`;

const STAGES = ['classifier', 'scheduler', 'worker', 'fusion'] as const;
const PATIENCE_MS = 120_000;

const { values } = parseArgs({ options: { only: { type: 'string' }, help: { type: 'boolean', default: false } } });
const say = (text: string) => process.stdout.write(`${text}\n`);

interface Scene {
  prefix: string;
  broker: KafkaBroker;
  redis: Awaited<ReturnType<typeof startRedisServer>>;
  processes: Map<string, CommandProcess>;
  start(stage: string): void;
  /** What senders send from now on. */
  traffic: { make: () => string };
}

interface Incident {
  name: string;
  /** Those whose expressions have to find something. */
  alerts: readonly string[];
  provoke(scene: Scene): Promise<void> | void;
  /** Of those, also raised by Prometheus itself, after their time to wait. */
  firing?: readonly string[];
  mend?(scene: Scene): Promise<void> | void;
}

function request(over: object = {}): string {
  return JSON.stringify({ requestId: randomUUID(), workload: 'recommend', userId: `u${Math.floor(Math.random() * 50)}`, input: { history: ['1', '2'] }, hints: { task: 'full', deadlineMs: 2_000 }, ...over });
}

async function leaveAndCome({ broker, prefix }: Scene): Promise<void> {
  const log = createKafkaLog({ brokers: [broker.address], clientId: 'incident', logger: silentLogger });
  for (let times = 0; times < 6; times += 1) {
    const consumer = log.consumer({ groupId: `${prefix}scheduler`, topics: [topicName(prefix, 'tasks'), topicName(prefix, 'outcomes'), topicName(prefix, 'retry.scheduler')], onRecord: () => undefined });
    await consumer.start();
    await consumer.close();
  }
  await log.close();
}

const INCIDENTS: readonly Incident[] = [
  {
    name: 'a sender sends what is not JSON', alerts: ['TandemDeadLetters'],
    provoke: ({ traffic }) => void (traffic.make = () => (Math.random() < 0.3 ? '{"requestId": "x", ' : request())),
    mend: ({ traffic }) => void (traffic.make = request),
  },
  {
    name: 'a sender asks for a workload that there is not', alerts: ['TandemRejections'],
    provoke: ({ traffic }) => void (traffic.make = () => (Math.random() < 0.7 ? request({ workload: 'nothing-like-it' }) : request())),
    mend: ({ traffic }) => void (traffic.make = request),
  },
  { name: 'a stranger joins a group and leaves it, again and again', alerts: ['TandemRebalanceStorm'], firing: ['TandemRebalanceStorm'], provoke: leaveAndCome },
  {
    name: 'Redis ends', alerts: ['TandemCacheAway'],
    provoke: ({ redis }) => redis.stop(),
  },
  {
    name: 'the only worker is killed', alerts: ['TandemHeartbeatStale', 'TandemNoWorkers', 'TandemProcessDown', 'TandemErrorsBurnFast'], firing: ['TandemHeartbeatStale', 'TandemNoWorkers'],
    provoke: ({ processes }) => void process.kill(processes.get('worker')?.pid ?? 0, 'SIGKILL'),
    mend: ({ start }) => start('worker'),
  },
  {
    name: 'fusion is suspended', alerts: ['TandemNoAnswers'],
    provoke: ({ processes }) => void process.kill(processes.get('fusion')?.pid ?? 0, 'SIGSTOP'),
    mend: ({ processes }) => void process.kill(processes.get('fusion')?.pid ?? 0, 'SIGCONT'),
  },
  { name: 'the broker is killed', alerts: ['TandemBrokerAway'], firing: ['TandemBrokerAway'], provoke: ({ broker }) => broker.kill() },
];

/** @returns the alarms that did not see it */
async function enact({ name, alerts, firing = [], provoke, mend }: Incident, scene: Scene, prometheus: Prometheus, expressions: ReadonlyMap<string, string>): Promise<string[]> {
  const sees = async (alert: string) => (await prometheus.ask(expressions.get(alert) ?? '')).length > 0;
  const missed: string[] = [];
  for (const alert of alerts) if (await sees(alert)) missed.push(`${alert} (on before)`);
  say(`— ${name}`);
  const startedAt = performance.now();
  await provoke(scene);
  const wait = async (what: string, condition: () => Promise<boolean>) => {
    const seen = await until(condition, { timeoutMs: PATIENCE_MS * 2, everyMs: 500 }).then(() => true, () => false);
    say(`  ${seen ? '✓' : '✗'} ${what}${seen ? ` after ${((performance.now() - startedAt) / 1_000).toFixed(0)} s` : ''}`);
    if (!seen) missed.push(what);
  };
  for (const alert of alerts) await wait(alert, () => sees(alert));
  for (const alert of firing) await wait(`${alert}, raised`, async () => (await prometheus.firing()).includes(alert));
  await mend?.(scene);
  return missed;
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(HELP);
  exitOnSignals();
  const prefix = `incidents-${randomUUID().slice(0, 8)}.`;
  const [broker, redis, httpPorts] = await Promise.all([startKafkaBroker({ dataDirectory: temporaryFolder('tandem-incidents-') }), startRedisServer(), freePorts(STAGES.length)]);
  await using ports = await openPorts(loadSettings({ flags: { kafka: broker.address, prefix, logLevel: 'error' } }), 'incidents');
  await ensureTopology(loadSettings({ flags: { kafka: broker.address, prefix } }), ports);
  const processes = new Map<string, CommandProcess>();
  const start = (stage: string) => void processes.set(stage, startCommand(['stage', stage, '--kafka', broker.address, '--redis', redis.url, '--prefix', prefix, '--threads', '1', '--log-level', 'error', '--http-port', String(httpPorts[STAGES.indexOf(stage as (typeof STAGES)[number])])]));
  await using _ = { [Symbol.asyncDispose]: async () => { for (const { pid } of processes.values()) if (pid > 0) try { process.kill(pid, 'SIGKILL'); } catch { /* It has ended. */ } } };
  for (const stage of STAGES) start(stage);
  const ready = async (port: number) => (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.status === 200;
  await until(async () => (await Promise.all(httpPorts.map(ready))).every(Boolean), { timeoutMs: PATIENCE_MS, everyMs: 200, what: () => [...processes.values()].map((each) => each.log()).join('') });
  await using prometheus = await startPrometheus(httpPorts);
  const scene: Scene = { prefix, broker, redis, processes, start, traffic: { make: request } };
  const sending = setInterval(() => void ports.producer.send(Array.from({ length: 4 }, () => ({ topic: topicName(prefix, 'requests'), key: null, value: scene.traffic.make() }))).catch(() => undefined), 200);
  await until(async () => (await prometheus.ask('sum(rate(tandem_responses_total[30s])) > 5')).length > 0, { timeoutMs: PATIENCE_MS, everyMs: 500, what: 'answers, as Prometheus sees them' });
  await delay(10_000);
  const expressions = alertExpressions();
  const missed: string[] = [];
  for (const incident of INCIDENTS.filter(({ name }) => values.only === undefined || name.includes(values.only))) missed.push(...(await enact(incident, scene, prometheus, expressions)));
  clearInterval(sending);
  say(missed.length === 0 ? 'every incident was seen' : `not seen: ${missed.join(', ')}`);
  process.exitCode = missed.length === 0 ? 0 : 1;
}

await main();
process.exit();
