import { createKafkaLog } from '@tandem/shared/log';
import { silentLogger } from '@tandem/shared/telemetry';

/** A process that consumes, acknowledges nothing, and tells its parent how much it holds. For tests that kill it. */
const [brokers = '', groupId = '', topic = '', sessionTimeoutMs] = process.argv.slice(2);
let held = 0;
const log = createKafkaLog({ brokers: brokers.split(','), clientId: 'victim', logger: silentLogger, sessionTimeoutMs: Number(sessionTimeoutMs) });
const consumer = log.consumer({ groupId, topics: [topic], onRecord: () => process.send?.(++held) });
await consumer.start();
process.once('disconnect', () => process.exit());
