import type { EventLog, ExclusiveWriter } from '@tandem/shared/log';
import type { Metrics } from '@tandem/shared/telemetry';

/** What fusion asks of the log, with its transactions counted. */
export function countedWriters(log: EventLog, { transactions }: Pick<Metrics, 'transactions'>): Pick<EventLog, 'read' | 'now' | 'exclusiveWriter'> {
  for (const result of ['committed', 'aborted']) transactions.inc({ result }, 0);
  return {
    read: (options) => log.read(options),
    now: () => log.now(),
    exclusiveWriter: async (name) => counted(await log.exclusiveWriter(name), (result) => transactions.inc({ result })),
  };
}

function counted(writer: ExclusiveWriter, count: (result: 'committed' | 'aborted') => void): ExclusiveWriter {
  return {
    async write(records) {
      try {
        await writer.write(records);
        count('committed');
      } catch (error) {
        count('aborted');
        throw error;
      }
    },
    barrier: (place) => writer.barrier(place),
    close: () => writer.close(),
  };
}
