import { createEmbeddedLog } from '@tandem/shared/log';
import { until } from '../support/until.ts';
import { describeEventLog } from './event-log.ts';

describeEventLog('embedded', async () => {
  const log = createEmbeddedLog();
  return {
    log,
    async startVictim({ groupId, topic }) {
      let held = 0;
      const consumer = log.consumer({ groupId, topics: [topic], onRecord: () => held++ });
      await consumer.start();
      return {
        holds: (count) => until(() => held >= count, { what: () => `${count} records; the victim holds ${held}` }),
        kill: async () => consumer.drop(),
      };
    },
    close: () => log.close(),
  };
});
