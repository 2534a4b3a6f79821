import { connectionsOf, type Settings } from '@tandem/shared/config';
import { TandemError } from '@tandem/shared/errors';
import { createKafkaLog, type EventLog } from '@tandem/shared/log';
import { createLogger } from '@tandem/shared/telemetry';
import { expectBroker } from './broker-listens.ts';

/**
 * The log alone, for commands that read: models and workloads need not be here.
 * @param what stands at the beginning of the message where there is no --kafka, for example "responses lie"
 * @throws {TandemError} `usage`, `kafka_unreachable`
 */
export async function openLog(settings: Settings, what: string): Promise<EventLog> {
  if (settings.kafka === undefined) throw new TandemError(`${what} on a broker: --kafka host:port`, { code: 'usage' });
  await expectBroker(settings.kafka);
  const { kafka, secrets } = await connectionsOf(settings);
  const logger = createLogger({ level: settings.logLevel, fields: { service: 'cli', instance: settings.instance }, secrets });
  return createKafkaLog({ ...kafka, brokers: settings.kafka, clientId: settings.instance, prefix: settings.prefix, logger });
}

/** A person wants the answer, not what the client tells of itself: the log level is warn unless it is set. */
export function quietly(): Record<string, unknown> {
  return process.env['TANDEM_LOG_LEVEL'] === undefined ? { logLevel: 'warn' } : {};
}
