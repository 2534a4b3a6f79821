import type { Logger } from '../../telemetry/logger.ts';
import { logLevel, type LogEntry } from 'kafkajs';

/** Failures inside these parts come to us as errors and crashes, which are retried and reported there. */
const REPORTED_BY_US: ReadonlySet<string> = new Set(['Connection', 'Producer', 'Consumer', 'ConsumerGroup', 'Runner', 'Admin', 'BrokerPool', 'Cluster']);

/** kafkajs calls routine events (joining, pausing) information; to us they are detail. */
export function kafkaLogLevel(logger: Logger): logLevel {
  return logger.isLevelEnabled('debug') ? logLevel.INFO : logLevel.WARN;
}

/** Passes kafkajs' lines on to our logger: what is retried anyway as detail, the rest as warnings. */
export function createLogWriter(logger: Logger): () => (entry: LogEntry) => void {
  const child = logger.child({ library: 'kafkajs' });
  return () =>
    ({ namespace, level, log: { message, timestamp: _timestamp, logger: _logger, stack: _stack, ...fields } }) => {
      const detail = level >= logLevel.INFO || REPORTED_BY_US.has(namespace);
      if (detail) child.debug({ namespace, ...fields }, message);
      else child.warn({ namespace, ...fields }, message);
    };
}
