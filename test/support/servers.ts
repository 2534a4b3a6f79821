import { dockerAnswers, startKafkaContainer, startRedisContainer, type StartedServer } from './containers.ts';
import { missingForLocalKafka } from './kafka-jars.ts';
import { answers, startKafkaBroker, type KafkaBrokerOptions } from './kafka-broker.ts';
import { isOnPath } from './processes.ts';
import { startRedisServer } from './redis-server.ts';

export interface Servers {
  /** host:port, several with commas. */
  kafka: string;
  /** redis://host:port */
  redis: string;
  /** Where each came from, for people. */
  origin: { kafka: string; redis: string };
  stop(): Promise<void>;
}

type Found = StartedServer & { origin: string };

/**
 * A real Kafka and a real Redis: those that TANDEM_TEST_KAFKA and TANDEM_TEST_REDIS name, else in Docker containers,
 * else as local processes.
 * @throws when one cannot be had, saying what to install
 */
export async function findOrStartServers(local: Pick<KafkaBrokerOptions, 'runsLong'> = {}): Promise<Servers> {
  const [kafka, redis] = await Promise.allSettled([findKafka(local), findRedis()]);
  if (kafka.status === 'fulfilled' && redis.status === 'fulfilled') {
    return {
      kafka: kafka.value.address,
      redis: redis.value.address,
      origin: { kafka: kafka.value.origin, redis: redis.value.origin },
      stop: async () => void (await Promise.all([kafka.value.stop(), redis.value.stop()])),
    };
  }
  for (const result of [kafka, redis]) if (result.status === 'fulfilled') await result.value.stop();
  throw new Error(messageOf([kafka, redis]));
}

async function findKafka(local: KafkaBrokerOptions): Promise<Found> {
  const address = process.env['TANDEM_TEST_KAFKA'];
  if (address !== undefined && address !== '') {
    if (!(await answers(address))) throw new Error(`No Kafka broker answers at ${address} (TANDEM_TEST_KAFKA).`);
    return external(address, 'TANDEM_TEST_KAFKA');
  }
  return firstOf('Kafka', startKafkaContainer, async () => {
    const missing = missingForLocalKafka();
    if (missing !== undefined) throw new Error(`local Kafka needs ${missing} on the PATH`);
    const broker = await startKafkaBroker(local);
    return { address: broker.address, stop: () => broker.stop() };
  });
}

async function findRedis(): Promise<Found> {
  const url = process.env['TANDEM_TEST_REDIS'];
  if (url !== undefined && url !== '') return external(url, 'TANDEM_TEST_REDIS');
  return firstOf('Redis', startRedisContainer, async () => {
    if (!isOnPath('redis-server')) throw new Error('local Redis needs redis-server on the PATH');
    const server = await startRedisServer();
    return { address: server.url, stop: () => server.stop() };
  });
}

async function firstOf(what: string, inDocker: () => Promise<StartedServer>, locally: () => Promise<StartedServer>): Promise<Found> {
  let docker = 'no Docker daemon answers';
  if (await dockerAnswers()) {
    try {
      return { ...(await inDocker()), origin: 'Docker' };
    } catch (error) {
      docker = `Docker answers, but: ${String(error)}`;
    }
  }
  try {
    return { ...(await locally()), origin: 'local process' };
  } catch (error) {
    const help = 'Start Docker, or on Debian: apt-get install -y openjdk-17-jre-headless maven redis-server';
    throw new Error(`${what} for the tests cannot be had: ${docker}; ${String(error)}. ${help}. Or name one in TANDEM_TEST_${what.toUpperCase()}.`, { cause: error });
  }
}

function external(address: string, origin: string): Found {
  return { address, origin, stop: async () => undefined };
}

function messageOf(results: readonly PromiseSettledResult<unknown>[]): string {
  return results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : [])).join('\n');
}
