import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createKafkaLog } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { inject } from 'vitest';
import { until } from '../support/until.ts';
import { describeEventLog } from './event-log.ts';

const VICTIM = join(import.meta.dirname, '../support/victim.ts');

describeEventLog('Kafka', async () => {
  const broker = inject('kafka');
  const log = createKafkaLog({ brokers: broker.split(','), clientId: 'conformance', logger: silentLogger, sessionTimeoutMs: 6_000, heartbeatIntervalMs: 300 });
  return {
    log,
    async startVictim({ groupId, topic }) {
      const child = fork(VICTIM, [broker, groupId, topic], { execArgv: [] });
      let held = 0;
      child.on('message', (count) => (held = Number(count)));
      return {
        holds: (count) => until(() => held >= count, { timeoutMs: 60_000, what: () => `${count} records; the victim holds ${held}` }),
        async kill() {
          child.kill('SIGKILL');
          await once(child, 'exit');
        },
      };
    },
    close: () => log.close(),
  };
});
