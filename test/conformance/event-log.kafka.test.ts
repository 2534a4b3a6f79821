import { createKafkaLog } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { inject } from 'vitest';
import { startVictim } from '../support/start-victim.ts';
import { describeEventLog } from './event-log.ts';

describeEventLog('Kafka', async () => {
  const brokers = inject('kafka');
  const log = createKafkaLog({ brokers: brokers.split(','), clientId: 'conformance', logger: silentLogger, sessionTimeoutMs: 6_000, heartbeatIntervalMs: 300 });
  return { log, startVictim: (options) => Promise.resolve(startVictim({ brokers, ...options })), close: () => log.close() };
});
