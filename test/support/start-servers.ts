import { parseArgs } from 'node:util';
import { exitOnSignals } from './processes.ts';
import { findOrStartServers } from './servers.ts';

const HELP = `Starts (or finds) a Kafka broker and a Redis server for tests and for trying things out.

  node test/support/start-servers.ts [--help]

Prints their addresses as environment variables and keeps them until Ctrl-C:
  TANDEM_TEST_KAFKA=127.0.0.1:…     the tests use these when they are set, and start faster
  TANDEM_TEST_REDIS=redis://127.0.0.1:…
`;

const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h', default: false } } });
if (values.help) {
  process.stdout.write(HELP);
} else {
  exitOnSignals();
  const servers = await findOrStartServers();
  process.stdout.write(`export TANDEM_TEST_KAFKA=${servers.kafka}  # ${servers.origin.kafka}\n`);
  process.stdout.write(`export TANDEM_TEST_REDIS=${servers.redis}  # ${servers.origin.redis}\n`);
  process.stderr.write('Running until Ctrl-C.\n');
  setInterval(() => undefined, 60_000);
}
