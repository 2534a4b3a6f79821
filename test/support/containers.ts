import { GenericContainer, getContainerRuntimeClient } from 'testcontainers';
import { answers } from './kafka-broker.ts';
import { freePort, freePorts } from './processes.ts';
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

/** Hosts without bridge networking share theirs: TANDEM_TEST_DOCKER_NETWORK=host. */
const onHostNetwork = () => process.env['TANDEM_TEST_DOCKER_NETWORK'] === 'host';

/** A port of the host: the container's own on the host's network, else one that is mapped to `inside`. */
function exposed(container: GenericContainer, inside: number, port: number): GenericContainer {
  return onHostNetwork() ? container.withNetworkMode('host') : container.withExposedPorts({ container: inside, host: port });
}

function listeners(port: number, controllerPort: number): Record<string, string> {
  const [host, inside] = onHostNetwork() ? ['127.0.0.1', port] : ['', 9092];
  return {
    KAFKA_LISTENERS: `PLAINTEXT://${host}:${inside},CONTROLLER://${host}:${controllerPort}`,
    KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
    KAFKA_CONTROLLER_QUORUM_VOTERS: `1@localhost:${controllerPort}`,
  };
}

export async function startKafkaContainer(): Promise<StartedServer> {
  // The broker tells clients its address, so the port must be known before it starts.
  const [port = 0, controllerPort = 0] = await freePorts(2);
  const container = await exposed(new GenericContainer(KAFKA_IMAGE), 9092, port)
    .withEnvironment({
      ...listeners(port, controllerPort),
      KAFKA_NODE_ID: '1',
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
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
  const port = await freePort();
  const inside = onHostNetwork() ? port : 6379;
  const container = await exposed(new GenericContainer(REDIS_IMAGE), 6379, port)
    .withCommand(['redis-server', '--port', String(inside)])
    .withStartupTimeout(60_000)
    .start();
  return { address: `redis://127.0.0.1:${port}`, stop: async () => void (await container.stop()) };
}
