import { GenericContainer, getContainerRuntimeClient } from 'testcontainers';
import { answers } from './kafka-broker.ts';
import { freePort } from './processes.ts';
import { until } from './until.ts';

const KAFKA_IMAGE = 'apache/kafka:4.1.0';
const REDIS_IMAGE = 'redis:7';

export interface StartedServer {
  address: string;
  stop(): Promise<void>;
}

/** Whether a Docker daemon answers. */
export async function dockerAnswers(): Promise<boolean> {
  try {
    await getContainerRuntimeClient();
    return true;
  } catch {
    return false;
  }
}

export async function startKafkaContainer(): Promise<StartedServer> {
  // The broker tells clients its address, so the port must be known before it starts.
  const port = await freePort();
  const container = await new GenericContainer(KAFKA_IMAGE)
    .withExposedPorts({ container: 9092, host: port })
    .withEnvironment({
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_LISTENERS: 'PLAINTEXT://:9092,CONTROLLER://:9093',
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
      KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS: '1000',
      KAFKA_LOG_CLEANER_BACKOFF_MS: '500',
      KAFKA_HEAP_OPTS: '-Xmx512m',
    })
    .withStartupTimeout(120_000)
    .start();
  const address = `127.0.0.1:${port}`;
  await until(() => answers(address), { timeoutMs: 120_000, everyMs: 200, what: `Kafka to answer at ${address}` });
  return { address, stop: async () => void (await container.stop()) };
}

export async function startRedisContainer(): Promise<StartedServer> {
  const container = await new GenericContainer(REDIS_IMAGE).withExposedPorts(6379).withStartupTimeout(60_000).start();
  return {
    address: `redis://${container.getHost()}:${container.getMappedPort(6379)}`,
    stop: async () => void (await container.stop()),
  };
}
