import { Kafka, logLevel, type Admin } from 'kafkajs';
import { startKafkaBroker, type KafkaBroker, type KafkaBrokerOptions } from '../support/kafka-broker.ts';
import { temporaryFolder, type ServerProcess } from '../support/processes.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { until } from '../support/until.ts';
import { STAGE_NAMES } from '@tandem/schemas';
import type { StageTarget } from './schedule.ts';
import { stablePorts } from './stable-ports.ts';
import { TcpProxy } from './tcp-proxy.ts';

interface Member {
  options: KafkaBrokerOptions;
  /** Undefined while it is down. */
  broker: KafkaBroker | undefined;
  /** Its data's own. */
  disk: SmallDisk | undefined;
}

/** Takes up as much memory as is written. */
const DISK_MIB = 8_192;
/** Brokers write all the time. */
const FULL_DISK_TIMEOUT_MS = 60_000;

export interface BrokerClusterOptions {
  /** 1, or 3 with replication 3 and min.insync.replicas 2. */
  count: number;
  /** Each broker has a disk that can be full. */
  disks: boolean;
  /** Tells the guardian of a process that must not outlive the run. */
  onStarted: (server: ServerProcess) => void;
}

/**
 * Kafka with a listener of its own for each stage, behind a proxy of the test's, and one direct listener for the checker
 * and the load.
 */
export class BrokerCluster implements AsyncDisposable {
  readonly #members: Member[] = [];
  readonly #proxies = new Map<StageTarget, TcpProxy[]>(STAGE_NAMES.map((stage) => [stage, []]));
  readonly #onStarted: (server: ServerProcess) => void;

  private constructor(onStarted: (server: ServerProcess) => void) {
    this.#onStarted = onStarted;
  }

  static async start({ count, disks, onStarted }: BrokerClusterOptions): Promise<BrokerCluster> {
    const cluster = new BrokerCluster(onStarted);
    const ports = await stablePorts(2 * count);
    const quorumVoters = Array.from({ length: count }, (_, index) => `${index + 1}@127.0.0.1:${ports[count + index]!}`);
    for (let index = 0; index < count; index += 1) {
      const [port, controllerPort] = [ports[index]!, ports[count + index]!];
      const disk = disks ? new SmallDisk('tandem-faults-disk-', DISK_MIB) : undefined;
      const place = disk === undefined ? {} : { 'log.dirs': `${disk.folder}/data` };
      const properties = { ...replication(count), ...(await cluster.#listeners(port, controllerPort)), ...place };
      const dataDirectory = temporaryFolder('tandem-faults-kafka-');
      const options = { port, controllerPort, nodeId: index + 1, quorumVoters, replicationFactor: count, dataDirectory, properties };
      cluster.#members.push({ options, broker: undefined, disk });
    }
    await Promise.all(cluster.#members.map((_, index) => cluster.startBroker(index)));
    return cluster;
  }

  get count(): number {
    return this.#members.length;
  }

  /** For the checker and the load: nothing stands between. */
  get direct(): string[] {
    return this.#members.map(({ options }) => `127.0.0.1:${options.port}`);
  }

  /** What a stage gets as `--kafka`: through its proxies. */
  bootstrapOf(stage: StageTarget): string[] {
    return this.proxiesOf(stage).map(({ port }) => `127.0.0.1:${port}`);
  }

  proxiesOf(stage: StageTarget | 'all'): readonly TcpProxy[] {
    return stage === 'all' ? [...this.#proxies.values()].flat() : this.#proxies.get(stage)!;
  }

  /** As kill -9; the data stays. */
  async killBroker(index: number): Promise<void> {
    const member = this.#members[index]!;
    await member.broker?.kill();
    member.broker = undefined;
  }

  signal(index: number, signal: NodeJS.Signals): void {
    this.#members[index]!.broker?.process.signal(signal);
  }

  /** Resolves when the broker has ended because of it. When it is started again, there is space. */
  async fillDisk(index: number): Promise<void> {
    const { broker, disk } = this.#members[index]!;
    let ended = false;
    void broker?.process.exited.then(() => (ended = true));
    disk?.fill();
    try {
      await until(() => ended, { timeoutMs: FULL_DISK_TIMEOUT_MS, everyMs: 100, what: 'the broker to end, its disk being full' });
    } finally {
      await this.killBroker(index);
    }
  }

  async startBroker(index: number): Promise<void> {
    const member = this.#members[index]!;
    member.disk?.free();
    member.broker = await startKafkaBroker(member.options);
    this.#onStarted(member.broker.process);
  }

  /** The broker that leads a partition, counted from 0. */
  async leaderOf(topic: string, partition: number): Promise<number> {
    return this.#withAdmin(async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      const leader = topics[0]?.partitions.find(({ partitionId }) => partitionId === partition)?.leader ?? 1;
      return Math.max(0, leader - 1);
    });
  }

  /** Whether every partition has all of its replicas in sync. */
  async inSync(): Promise<boolean> {
    return this.#withAdmin(async (admin) => {
      const { topics } = await admin.fetchTopicMetadata();
      return topics.every(({ partitions }) => partitions.every(({ replicas, isr }) => isr.length === replicas.length));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.map(({ broker }) => broker?.kill()));
    for (const { disk } of this.#members) disk?.[Symbol.dispose]();
    await Promise.all(this.proxiesOf('all').map((proxy) => proxy[Symbol.asyncDispose]()));
  }

  async #withAdmin<Result>(use: (admin: Admin) => Promise<Result>): Promise<Result> {
    const admin = new Kafka({ brokers: this.direct, clientId: 'faults', logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    try {
      return await use(admin);
    } finally {
      await admin.disconnect();
    }
  }

  async #listeners(port: number, controllerPort: number): Promise<Record<string, string>> {
    const inner = await stablePorts(STAGE_NAMES.length);
    const proxied = await Promise.all(STAGE_NAMES.map(async (stage, index) => {
      const proxy = await TcpProxy.start(inner[index]!);
      this.#proxies.get(stage)!.push(proxy);
      return { name: stage.toUpperCase(), inner: inner[index]!, advertised: proxy.port };
    }));
    const all = [{ name: 'PLAINTEXT', inner: port, advertised: port }, ...proxied];
    return {
      listeners: [...all.map(({ name, inner: own }) => `${name}://127.0.0.1:${own}`), `CONTROLLER://127.0.0.1:${controllerPort}`].join(','),
      'advertised.listeners': all.map(({ name, advertised }) => `${name}://127.0.0.1:${advertised}`).join(','),
      'listener.security.protocol.map': [...all.map(({ name }) => `${name}:PLAINTEXT`), 'CONTROLLER:PLAINTEXT'].join(','),
      'inter.broker.listener.name': 'PLAINTEXT',
    };
  }
}

function replication(count: number): Record<string, number> {
  return {
    'default.replication.factor': count,
    'min.insync.replicas': Math.max(1, count - 1),
    // A long run must not outlive its records: the checker reads all of them at the end.
    'log.retention.bytes': -1,
  };
}
