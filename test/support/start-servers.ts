import { parseArgs } from 'node:util';
import { startKafkaCluster } from './kafka-broker.ts';
import { exitOnSignals } from './processes.ts';
import { findOrStartServers } from './servers.ts';

const HELP = `Starts (or finds) a Kafka broker and a Redis server for tests and for trying things out.

  node test/support/start-servers.ts [--brokers 3] [--help]

With --brokers, a cluster of local brokers with replication instead of one. Prints their addresses as environment variables and keeps them until Ctrl-C:
  TANDEM_TEST_KAFKA=127.0.0.1:…     the tests use these when they are set, and start faster
  TANDEM_TEST_REDIS=redis://127.0.0.1:…
`;

const { values } = parseArgs({
  options: { brokers: { type: 'string', default: '1' }, help: { type: 'boolean', short: 'h', default: false } },
});

/** An address in the environment wins over starting a server. */
async function startBrokers(count: number): Promise<void> {
  if (count < 2) return;
  const cluster = await startKafkaCluster(count);
  process.env['TANDEM_TEST_KAFKA'] = cluster.map(({ address }) => address).join(',');
}

if (values.help) {
  process.stdout.write(HELP);
} else {
  exitOnSignals();
  await startBrokers(Number(values.brokers));
  const servers = await findOrStartServers({ runsLong: true });
  process.stdout.write(`export TANDEM_TEST_KAFKA=${servers.kafka}  # ${servers.origin.kafka}\n`);
  process.stdout.write(`export TANDEM_TEST_REDIS=${servers.redis}  # ${servers.origin.redis}\n`);
  process.stderr.write('Running until Ctrl-C.\n');
  setInterval(() => undefined, 60_000);
}
