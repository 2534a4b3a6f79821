import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createKafkaLog } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { kafkaJars } from './kafka-jars.ts';
import { freePorts, startProcess, temporaryFolder, type ServerProcess } from './processes.ts';
import { until } from './until.ts';

const CLUSTER_ID = 'dGFuZGVtLXRlc3RzLTAwMQ';
/** For a heap of 512 MB on few cores; with the default, G1, a broker takes a fifth more CPU (at 1,500 requests/s of a chained flow .41 of a core instead of .34). */
const COLLECTOR = '-XX:+UseSerialGC';
/** A broker is ready after 3.3 s of CPU instead of 5.4, and compiles far less afterwards. */
const SHORT_LIVED = ['-XX:TieredStopAtLevel=1', COLLECTOR];
const LONG_LIVED = [COLLECTOR];

export interface KafkaBrokerOptions {
  /** @default a free one */
  port?: number;
  /** @default a free one */
  controllerPort?: number;
  /** Where its data lies; a broker started again on the same folder and ports has the same records. @default a new folder, removed on stop */
  dataDirectory?: string;
  /** @default 1 */
  nodeId?: number;
  /** All controllers of the cluster, `id@host:port`. @default only this one */
  quorumVoters?: readonly string[];
  /** Replication of internal topics. @default 1 */
  replicationFactor?: number;
  /** More lines for server.properties. */
  properties?: Readonly<Record<string, string | number | boolean>>;
  /** Compiled as for a server that runs for long: measurements want that; tests want it up soon, with little of the cores. @default false */
  runsLong?: boolean;
  /** More arguments for the command that formats the data folder: `--add-scram` and such. */
  formatArguments?: readonly string[];
}

export interface KafkaBroker {
  /** host:port */
  readonly address: string;
  readonly port: number;
  readonly controllerPort: number;
  readonly dataDirectory: string;
  readonly process: ServerProcess;
  /** Waits until it answers. */
  ready(): Promise<void>;
  stop(): Promise<void>;
  /** As kill -9; the data stays. */
  kill(): Promise<void>;
}

/** Starts a Kafka broker (KRaft, broker and controller in one) as a local process and waits until it answers. */
export async function startKafkaBroker(options: KafkaBrokerOptions = {}): Promise<KafkaBroker> {
  const broker = await launch(options);
  await broker.ready();
  return broker;
}

/** Starts brokers that form one cluster, with internal topics replicated on up to three. */
export async function startKafkaCluster(count: number, properties: KafkaBrokerOptions['properties'] = {}): Promise<KafkaBroker[]> {
  const ports = await freePorts(2 * count);
  const quorumVoters = Array.from({ length: count }, (_, index) => `${index + 1}@127.0.0.1:${ports[count + index] ?? 0}`);
  const brokers = await Promise.all(
    quorumVoters.map((_, index) =>
      launch({
        port: ports[index] ?? 0,
        controllerPort: ports[count + index] ?? 0,
        nodeId: index + 1,
        quorumVoters,
        replicationFactor: Math.min(count, 3),
        properties,
      }),
    ),
  );
  await Promise.all(brokers.map((broker) => broker.ready()));
  return brokers;
}

async function launch(options: KafkaBrokerOptions): Promise<KafkaBroker> {
  const jars = await kafkaJars();
  const [freeBroker = 0, freeController = 0] = await freePorts(2);
  const { port = freeBroker, controllerPort = freeController } = options;
  const directory = options.dataDirectory ?? temporaryFolder('tandem-kafka-');
  mkdirSync(directory, { recursive: true });
  const propertiesFile = join(directory, 'server.properties');
  writeFileSync(propertiesFile, render({ ...serverProperties({ ...options, port, controllerPort }, directory), ...options.properties }));
  const classes = ['-cp', `${jars}/*`];
  if (!existsSync(join(directory, 'data', 'meta.properties'))) {
    const format = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', propertiesFile, ...(options.formatArguments ?? [])];
    await promisify(execFile)('java', [...SHORT_LIVED, ...classes, ...format], { timeout: 60_000 });
  }
  const server = startProcess('java', ['-Xmx512m', ...(options.runsLong === true ? LONG_LIVED : SHORT_LIVED), ...classes, 'kafka.Kafka', propertiesFile], join(directory, 'broker.log'));
  const address = `127.0.0.1:${port}`;
  return {
    address,
    port,
    controllerPort,
    dataDirectory: directory,
    process: server,
    ready: () => waitUntilReady(address, server),
    kill: () => server.kill(),
    async stop() {
      // Test data needs no orderly flush, and an orderly stop takes seconds.
      await (options.dataDirectory === undefined ? server.kill() : server.stop());
      if (options.dataDirectory === undefined) rmSync(directory, { recursive: true, force: true });
    },
  };
}

function serverProperties(options: KafkaBrokerOptions & { port: number; controllerPort: number }, directory: string): Record<string, string | number | boolean> {
  const { port, controllerPort, nodeId = 1, quorumVoters = [`${nodeId}@127.0.0.1:${controllerPort}`], replicationFactor = 1 } = options;
  return {
    'process.roles': 'broker,controller',
    'node.id': nodeId,
    'controller.quorum.voters': quorumVoters.join(','),
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'log.dirs': join(directory, 'data'),
    'offsets.topic.replication.factor': replicationFactor,
    'offsets.topic.num.partitions': 8,
    'transaction.state.log.replication.factor': replicationFactor,
    'transaction.state.log.min.isr': Math.max(1, replicationFactor - 1),
    'transaction.state.log.num.partitions': 8,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1000,
    'auto.create.topics.enable': true,
    'log.retention.bytes': 268_435_456,
    'log.segment.bytes': 67_108_864,
    'log.cleaner.backoff.ms': 500,
  };
}

function render(properties: Readonly<Record<string, string | number | boolean>>): string {
  return Object.entries(properties).map(([name, value]) => `${name}=${value}\n`).join('');
}

async function waitUntilReady(address: string, server: ServerProcess): Promise<void> {
  let exited = false;
  void server.exited.then(() => (exited = true));
  await until(async () => exited || (await answers(address)), { timeoutMs: 120_000, everyMs: 200, what: () => `Kafka to answer: ${server.output()}` });
  if (exited) throw new Error(`Kafka did not start: ${server.output()}`);
}

/** Whether a broker answers there. */
export async function answers(address: string): Promise<boolean> {
  const log = createKafkaLog({ brokers: address.split(','), clientId: 'probe', logger: silentLogger, settleTimeoutMs: 0 });
  try {
    await log.admin.listTopics();
    return true;
  } catch {
    return false;
  } finally {
    await log.close();
  }
}
