import type { Redis } from 'ioredis';
import { messageOf } from '../../errors/index.ts';
import type { Logger } from '../../telemetry/index.ts';

/** One line when the connection is lost and one when it is back, however often it is tried in between. */
export function logConnection(redis: Redis, logger: Logger, server: string): void {
  let lost = false;
  // Without a listener an error event would end the process.
  redis.on('error', (error: unknown) => {
    if (lost) return;
    lost = true;
    logger.warn({ server, reason: messageOf(error) }, 'no connection to Redis; trying again until there is one');
  });
  redis.on('ready', () => {
    if (lost) logger.info({ server }, 'connected to Redis again');
    lost = false;
  });
}
