import { rmSync } from 'node:fs';
import { createKafkaLog, type KafkaLog } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';
import { afterAll, beforeAll } from 'vitest';
import { Fixture } from '../../conformance/event-log-fixture.ts';
import { startKafkaBroker, type KafkaBroker } from '../../support/kafka-broker.ts';
import { temporaryFolder } from '../../support/processes.ts';

/** A broker of a file's own, which dies and comes back with its data, at the same address. */
export interface MortalBroker {
  start(): Promise<void>;
  kill(): Promise<void>;
  createLog(): KafkaLog;
  createFixture(): Fixture;
}

export function mortalBroker(): MortalBroker {
  const dataDirectory = temporaryFolder('tandem-outage-');
  let broker: KafkaBroker | undefined;

  const start = async (): Promise<void> => {
    const ports = broker === undefined ? {} : { port: broker.port, controllerPort: broker.controllerPort };
    broker = await startKafkaBroker({ dataDirectory, ...ports });
  };
  const kill = async (): Promise<void> => broker?.kill();

  beforeAll(start);
  afterAll(async () => {
    await kill();
    rmSync(dataDirectory, { recursive: true, force: true });
  });

  const createLog = (): KafkaLog =>
    createKafkaLog({ brokers: [broker?.address ?? ''], clientId: 'outage', logger: silentLogger, sessionTimeoutMs: 6_000, connectionTimeoutMs: 1_000 });

  const createFixture = (): Fixture => {
    const log = createLog();
    return new Fixture({ log, startVictim: () => Promise.reject(new Error('not here')), close: () => log.close() });
  };

  return { start, kill, createLog, createFixture };
}
